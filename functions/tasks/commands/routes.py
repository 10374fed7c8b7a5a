"""Commands as CloudEvents: `POST /` with the user's token does what the HTTP call of that name does.

`(user, source, id)` is the idempotency key; the answer is the resulting event, or 204 when nothing changed.
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, request

from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes
from functions.tasks.tasks.routes import parse_named
from shared.db.uow import Transaction
from shared.domain.errors import FieldError, Invalid
from shared.events.base import Event
from shared.messaging import cloudevent
from shared.messaging.cloudevent import CloudEvent
from shared.runtime.http import read_body

# type → body model; a create has no subject.
COMMANDS: dict[str, str] = {
    "io.taskflow.task.create.v1": "TaskCreate",
    "io.taskflow.task.update.v1": "TaskPatch",
    "io.taskflow.task.complete.v1": "OccurrenceAction",
    "io.taskflow.task.delete.v1": "Empty",
}
CREATE = "io.taskflow.task.create.v1"
NO_ID = UUID(int=0)


def register(routes: Routes, writes: Writes) -> None:
    """Declare the command route."""

    @routes.user("POST", "/", base="")
    def command(caller: Caller) -> Response:
        event = cloudevent.from_http(dict(request.headers), read_body(request))
        if event.type not in COMMANDS:
            raise _invalid("type", "unknown_command", f"{event.type} is none of {', '.join(COMMANDS)}")
        given = parse_named(COMMANDS[event.type], _data(event))
        task_id = NO_ID if event.type == CREATE else _subject(event)

        def work(tx: Transaction) -> Answer:
            _run(tx, event.type, task_id, given)
            return _answer(tx)

        return writes.run(caller, work, key=_key(event))


def _run(tx: Transaction, command: str, task_id: UUID, given: Mapping[str, Any]) -> None:
    from functions.tasks.tasks import verbs  # with series and recurrence: not in the wake-up of a read

    if command == CREATE:
        verbs.create(tx, given)
    elif command == "io.taskflow.task.update.v1":
        verbs.patch(tx, task_id, given)
    elif command == "io.taskflow.task.complete.v1":
        verbs.complete(tx, task_id, **given)
    else:
        verbs.delete(tx, task_id)


def _answer(tx: Transaction) -> Answer:
    """The first event that the command caused, as a CloudEvent in binary mode."""
    if not tx.events:
        return Answer(204)
    headers, body = cloudevent.to_http(_as_cloudevent(tx.events[0], tx.source))
    return Answer(200, body.decode(), headers)


def _as_cloudevent(event: Event, source: str) -> CloudEvent:
    return CloudEvent(
        id=str(event.event_id),
        source=source,
        type=event.type,
        subject=str(event.task_id) if event.task_id else None,
        time=event.occurred_at,
        datacontenttype="application/json",
        dataschema=f"/schemas/{event.type}.json",
        data=event.data(),
        extensions={
            "partitionkey": event.user_id,
            "schemaversion": str(event.schema_version),
            **event.extensions(),
        },
    )


def _data(event: CloudEvent) -> dict[str, Any]:
    if event.data is None:
        return {}
    if not isinstance(event.data, dict):
        raise _invalid("data", "not_an_object", "the data must be the JSON object of the HTTP call")
    return event.data


def _subject(event: CloudEvent) -> UUID:
    try:
        return UUID(event.subject or "")
    except ValueError:
        raise _invalid("subject", "invalid_subject", "the subject must be the id of the task") from None


def _key(event: CloudEvent) -> str:
    digest = hashlib.sha256(f"{event.source}\x00{event.id}".encode()).hexdigest()
    return f"ce:{digest}"


def _invalid(field: str, code: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field, code, message)], code=code)
