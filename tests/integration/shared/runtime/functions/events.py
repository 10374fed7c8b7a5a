"""An event function with a tick and a database, for tests of delivery and of crashes."""

import os
from functools import cache

import flask
import functions_framework

from shared.db.pool import Database
from shared.db.uow import Transaction, UnitOfWork
from shared.events.task import TaskChanged
from shared.runtime import event
from shared.runtime.received import ReceivedEvent


@cache
def _uow() -> UnitOfWork:
    return UnitOfWork(Database(os.environ["DATABASE_URL"]), source="/taskflow/events")


def _handle(received: ReceivedEvent, tx: Transaction) -> None:
    tx.emit(TaskChanged, task_id=received.task_id, task_version=1, change_token=tx.change_seq)


_view = event.function(
    "events",
    on_event=event.consume("events", _handle, uow=_uow()),
    on_tick=event.tick("events", lambda: None),
)


@functions_framework.http
def events(request: flask.Request) -> flask.Response:
    return _view(request)
