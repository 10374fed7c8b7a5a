"""Commands as CloudEvents: `POST /` with the user's token does the same as the HTTP call of that name.

`(user, source, id)` is the idempotency key. The same type, subject and data under the same key is a repeat,
in whatever mode and trace; anything else under the same key is refused. The answer is the resulting event,
or 204 when nothing changed.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Response, request

from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Once, Writes, digest_of
from shared.db.uow import Transaction
from shared.domain.errors import invalid_field
from shared.messaging import cloudevent
from shared.messaging.cloudevent import CloudEvent, UnsupportedEncoding, is_json
from shared.messaging.encoding import cloudevent_of, to_http
from shared.runtime.http import read_body

Effect = Callable[[Transaction], object]  # a verb with what it needs
Prepare = Callable[[CloudEvent], Effect]  # validates before the transaction begins


def register(routes: Routes, writes: Writes) -> None:
    """Declare the command route."""

    @routes.user("POST", "/", base="")
    def command(caller: Caller) -> Response:
        event = cloudevent.from_http(dict(request.headers), read_body(request))
        if event.type not in COMMANDS:
            raise invalid_field("type", "unknown_command", f"use one of {', '.join(COMMANDS)}")
        effect = COMMANDS[event.type](event)

        def work(tx: Transaction) -> Answer:
            effect(tx)
            return _answer(tx)

        return writes.run(caller, work, once=_once(event))


# The verbs load series and recurrence, the bodies pydantic: with the first command, not in a wake-up.


def _create(event: CloudEvent) -> Effect:
    from functions.tasks.edge.bodies import parse
    from functions.tasks.tasks import bodies, verbs

    given = parse(bodies.TaskCreate, _data(event))
    return lambda tx: verbs.create(tx, given)


def _update(event: CloudEvent) -> Effect:
    from functions.tasks.edge.bodies import parse
    from functions.tasks.tasks import bodies, verbs

    task_id, given = _subject(event), parse(bodies.TaskPatch, _data(event))
    return lambda tx: verbs.patch(tx, task_id, given)


def _complete(event: CloudEvent) -> Effect:
    from functions.tasks.edge.bodies import parse
    from functions.tasks.tasks import bodies, verbs

    task_id, given = _subject(event), parse(bodies.OccurrenceAction, _data(event))
    return lambda tx: verbs.complete(tx, task_id, **given)


def _delete(event: CloudEvent) -> Effect:
    from functions.tasks.edge.bodies import Empty, parse
    from functions.tasks.tasks import verbs

    task_id = _subject(event)
    parse(Empty, _data(event))
    return lambda tx: verbs.delete(tx, task_id)


COMMANDS: Mapping[str, Prepare] = {
    "io.taskflow.task.create.v1": _create,
    "io.taskflow.task.update.v1": _update,
    "io.taskflow.task.complete.v1": _complete,
    "io.taskflow.task.delete.v1": _delete,
}


def _answer(tx: Transaction) -> Answer:
    """The first event that the command caused, with the attributes and data that are published."""
    if not tx.events:
        return Answer(204)
    first = tx.events[0]
    trace = tx.cause.traceparent
    made = cloudevent_of(first.event, source=tx.source, traceparent=trace, data=first.data)
    headers, body = to_http(made)
    return Answer(200, body.decode(), headers)


def _data(event: CloudEvent) -> dict[str, Any]:
    """The body of the HTTP call; {} for an event without data."""
    if not is_json(event.datacontenttype):
        raise UnsupportedEncoding("Attribute datacontenttype must be application/json in UTF-8.")
    if event.data is None:
        return {}
    if not isinstance(event.data, dict):
        raise invalid_field("data", "not_an_object", "the data must be the JSON object of the HTTP call")
    return event.data


def _subject(event: CloudEvent) -> UUID:
    try:
        return UUID(event.subject or "")
    except ValueError:
        raise invalid_field("subject", "invalid_subject", "the subject must be the id of the task") from None


def _once(event: CloudEvent) -> Once:
    key = hashlib.sha256(f"{event.source}\x00{event.id}".encode()).hexdigest()
    return Once(f"ce:{key}", digest_of(event.type, event.subject, event.data))
