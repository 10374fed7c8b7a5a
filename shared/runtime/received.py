"""Checks that a CloudEvent is one of our events and makes the `ReceivedEvent` that handlers get.

`interpret` is pure; `event` calls it between decoding and the transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.errors import Invalid
from shared.events.base import Event
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent

MAX_USER = 255  # characters, as of a token's subject
MAX_VERSION = 2**31 - 1  # the column is an integer


@dataclass(frozen=True, kw_only=True)
class ReceivedEvent:
    """One of our events, of a user, in a schema version that this code knows."""

    id: str
    source: str
    type: str
    subject: str | None
    time: datetime | None
    schema_version: int
    user_id: str
    task_id: UUID | None
    task_version: int | None
    data: Mapping[str, Any]
    extensions: Mapping[str, str]


class UnknownSchemaVersion(Exception):  # not an error: the event is stored and answered with 204
    """The type is ours, the version of its data is not known to this code."""

    def __init__(self, version: int, user_id: str) -> None:
        self.version = version
        self.user_id = user_id
        super().__init__(version)


def interpret(event: CloudEvent, *, accepts: Collection[str] | None) -> ReceivedEvent:
    """`event` as a ReceivedEvent; raises Invalid, or UnknownSchemaVersion.

    >>> from shared.testing.deliveries import account_changed
    >>> interpret(account_changed("anna"), accepts=None).user_id
    'anna'
    """
    known = EVENTS.get(event.type)
    if known is None or (accepts is not None and event.type not in accepts):
        raise Invalid("This function does not handle events of that type.", code="unexpected_event_type")
    data = _data(event)
    version = _version(event, data)
    user_id = _user(event, data)
    if data.get("event_id") != event.id:
        raise Invalid("data.event_id differs from the event's id.", code="event_id_mismatch")
    if version != known.schema_version:
        raise UnknownSchemaVersion(version, user_id)
    _check_shape(known, data)
    return ReceivedEvent(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time,
        schema_version=version,
        user_id=user_id,
        task_id=UUID(data["task_id"]) if data["task_id"] else None,
        task_version=_task_version(data["task_version"]),
        data=data,
        extensions=event.extensions,
    )


def claimed_user(event: CloudEvent) -> str:
    """The user that the event names, unchecked; "" when it names none. For records of failures."""
    named = event.data.get("user_id") if isinstance(event.data, dict) else None
    owner = named if isinstance(named, str) and len(named) <= MAX_USER else ""
    partition = event.extensions.get("partitionkey", owner)
    return owner if owner == partition else ""


def _data(event: CloudEvent) -> Mapping[str, Any]:
    if not isinstance(event.data, dict):
        raise Invalid("The event's data is not a JSON object.", code="invalid_event_data")
    return event.data


def _version(event: CloudEvent, data: Mapping[str, Any]) -> int:
    version = data.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise Invalid("data.schema_version is not a positive number.", code="invalid_schema_version")
    if event.extensions.get("schemaversion", str(version)) != str(version):
        raise Invalid("schemaversion differs from data.schema_version.", code="schema_version_mismatch")
    return version


def _user(event: CloudEvent, data: Mapping[str, Any]) -> str:
    user_id = data.get("user_id")
    if not isinstance(user_id, str) or not user_id:
        raise Invalid("data.user_id is missing.", code="invalid_event_data")
    if len(user_id) > MAX_USER or not user_id.isprintable():
        raise Invalid(
            f"data.user_id is not at most {MAX_USER} printable characters.", code="invalid_event_data"
        )
    if event.extensions.get("partitionkey", user_id) != user_id:
        raise Invalid("partitionkey differs from data.user_id.", code="user_mismatch")
    return user_id


def _task_version(value: int | None) -> int | None:
    if value is None or 0 < value <= MAX_VERSION:
        return value
    raise Invalid(f"data.task_version is not a number from 1 to {MAX_VERSION}.", code="invalid_event_data")


def _check_shape(known: type[Event], data: Mapping[str, Any]) -> None:
    """Raise Invalid unless every member that the schema requires is there, with its type."""
    from shared.events.shape import wrong_member  # with the first event, not in a wake-up

    if data.get("event_type") != known.type:
        raise Invalid("data.event_type differs from the event's type.", code="invalid_event_data")
    name = wrong_member(known, data)
    if name is not None:
        state = "not of its type" if name in data else "missing"
        raise Invalid(f"data.{name} is {state}, see {known.type}.json.", code="invalid_event_data")
