"""Delivers events to a function's view the way a KafkaSource does: binary mode, over HTTP. For tests."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import flask

from shared.db.uow import Cause
from shared.domain.identity import Actor, uuid7
from shared.events.account import AccountChanged
from shared.events.base import Event
from shared.messaging.cloudevent import CloudEvent
from shared.messaging.encoding import cloudevent_of, to_http
from shared.runtime import clock

CAUSE = Cause(actor=Actor("user", "tester"), request_id="req-1")
TICK = CloudEvent(id="tick-1", source="/ping", type="dev.knative.sources.ping", data={})
_APP = flask.Flask("deliveries")


def as_cloudevent(event: Event, **extensions: str) -> CloudEvent:
    """`event` as `tasks` publishes it, with the extensions that a dispatcher may add."""
    made = cloudevent_of(event, source="/taskflow/tasks", traceparent=None)
    return replace(made, extensions={**made.extensions, **extensions})


def account_changed(user_id: str) -> CloudEvent:
    """A new event of the user that every consumer of `task-events` accepts: the smallest one there is."""
    event = AccountChanged(
        event_id=uuid7(clock.now()),
        user_id=user_id,
        task_id=None,
        task_version=None,
        occurred_at=clock.now(),
        actor=CAUSE.actor.as_dict(),
        resource="settings",
        resource_id=user_id,
        action="updated",
    )
    return as_cloudevent(event)


def post(
    view: Callable[[flask.Request], flask.Response], event: Event | CloudEvent, **extensions: str
) -> flask.Response:
    """The view's answer to `event`."""
    made = event if isinstance(event, CloudEvent) else as_cloudevent(event, **extensions)
    headers, body = to_http(made)
    return post_raw(view, headers, body)


def post_raw(
    view: Callable[[flask.Request], flask.Response], headers: dict[str, Any], body: bytes
) -> flask.Response:
    """The view's answer to any POST."""
    with _APP.test_request_context("/", method="POST", headers=headers, data=body):
        return view(flask.request)
