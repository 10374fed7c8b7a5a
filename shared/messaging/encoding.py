"""Encodes events: `cloudevent_of` makes a CloudEvent of an event, `record_of` and `to_http` write one as a
Kafka record and as an HTTP message. Called by the outbox drain and by the answer to a command, which so has
exactly the attributes and data of the record on the topic. `cloudevent` decodes them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from shared.events.base import Event
from shared.messaging import strict_json
from shared.messaging.cloudevent import CloudEvent
from shared.messaging.ports import Record

JSON = "application/json"
_SAFE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")


def cloudevent_of(
    event: Event, *, source: str, traceparent: str | None, data: Mapping[str, Any] | None = None
) -> CloudEvent:
    """`event` as it will be published; `data` are its JSON values, where they have been made already.

    >>> from shared.events.account import AccountChanged
    >>> event = AccountChanged(
    ...     event_id=UUID(int=1), user_id="anna", task_id=None, task_version=None, actor={},
    ...     occurred_at=datetime(2026, 6, 1, tzinfo=UTC), resource="settings", resource_id="anna",
    ...     action="updated")
    >>> made = cloudevent_of(event, source="/taskflow/tasks", traceparent=None)
    >>> record = record_of(made, topic=event.topic)
    >>> record.key, record.headers["ce_type"], record.headers["ce_time"]
    ('anna', 'io.taskflow.account.changed.v1', '2026-06-01T00:00:00Z')
    """
    return published(
        id=event.event_id,
        source=source,
        type=event.type,
        task_id=event.task_id,
        user_id=event.user_id,
        time=event.occurred_at,
        schema_version=event.schema_version,
        flags=event.extensions(),
        traceparent=traceparent,
        data=event.data() if data is None else data,
    )


def published(
    *,
    id: UUID,  # noqa: A002  # the attribute's own name
    source: str,
    type: str,  # noqa: A002  # the attribute's own name
    task_id: UUID | str | None,
    user_id: str,
    time: datetime,
    schema_version: int,
    flags: Mapping[str, str],
    traceparent: str | None,
    data: object,
) -> CloudEvent:
    """The CloudEvent of one of our events, whether it was just made or is read from the outbox.

    `flags` are the extensions that Triggers filter on; `data` is JSON.
    """
    trace = {"traceparent": traceparent} if traceparent else {}
    own = {"partitionkey": user_id, "schemaversion": str(schema_version)}
    return CloudEvent(
        id=str(id),
        source=source,
        type=type,
        subject=str(task_id) if task_id else None,
        time=time,
        datacontenttype=JSON,
        dataschema=f"/schemas/{type}.json",
        data=data,
        extensions={**own, **trace, **flags},
    )


def attributes_of(event: CloudEvent) -> dict[str, str]:
    """Every attribute that has a value, by name, without datacontenttype, which has a header of its own."""
    named = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": _instant(event.time) if event.time else None,
        "dataschema": event.dataschema,
        **event.extensions,
    }
    return {name: value for name, value in named.items() if value is not None}


def to_http(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Headers and body of `event` in binary mode.

    >>> to_http(CloudEvent(id="1", source="/shop", type="order.made", data={"n": 1}))[1]
    b'{"n":1}'
    """
    headers = {f"ce-{name}": header_value(value) for name, value in attributes_of(event).items()}
    if event.data is None:
        return headers, b""
    headers["content-type"] = event.datacontenttype or JSON
    return headers, strict_json.dumps(event.data).encode()


def record_of(event: CloudEvent, *, topic: str, data: str | None = None) -> Record:
    """`event` as a Kafka record in binary mode; the key is the user, so order is per user.

    `data` is its JSON text where that exists already, as in the outbox.
    """
    headers = {f"ce_{name}": value for name, value in attributes_of(event).items()}
    headers["content-type"] = event.datacontenttype or JSON
    text = strict_json.dumps(event.data) if data is None else data
    return Record(topic=topic, key=event.extensions["partitionkey"], headers=headers, value=text.encode())


def document(event: CloudEvent) -> dict[str, object]:
    """`event` in structured mode, as it is kept for a replay."""
    typed = {"datacontenttype": event.datacontenttype} if event.datacontenttype else {}
    return {**attributes_of(event), **typed, "data": event.data}


def header_value(text: str) -> str:
    """`text` as an HTTP header value: space, quote, percent and non-ASCII are percent-encoded."""
    return quote(text, safe=_SAFE)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
