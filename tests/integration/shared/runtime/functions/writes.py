"""A function that writes one event per request and publishes it after the answer, for tests of publishing."""

import os
import uuid
from functools import cache

import flask
import functions_framework

from shared.db.pool import Database
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.events.task import TaskCreated
from shared.messaging.connect import connect
from shared.runtime.http import create_app, serve_request
from shared.runtime.publisher import PublisherThread


@cache
def _uow() -> UnitOfWork:
    database = Database(os.environ["DATABASE_URL"])
    publisher = PublisherThread(lambda: connect(os.environ["KAFKA_BOOTSTRAP_SERVERS"]), database)
    return UnitOfWork(database, source="/taskflow/writes", on_commit=publisher.notify)


def _register(app: flask.Flask) -> None:
    @app.post("/<user>")
    def write(user: str) -> flask.Response:
        with _uow().write(user, Cause(Actor("user", user))) as tx:
            made = tx.emit(TaskCreated, task_id=uuid.uuid4(), task_version=1)
        return flask.jsonify({"id": str(made.event_id)})


_app = create_app("writes", register=_register)


@functions_framework.http
def writes(request: flask.Request) -> flask.Response:
    return serve_request(_app, request)
