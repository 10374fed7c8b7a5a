"""Builds the application of the task API out of its nouns (tasks, series, webhooks, …). Called by `wiring`
and by tests.

Nouns do not import one another's routes and views; where one needs a function of another, it is passed here.
"""

from collections.abc import Collection
from typing import Any

from flask import Flask

from functions.tasks.account import routes as account
from functions.tasks.audit import routes as audit
from functions.tasks.commands import routes as commands
from functions.tasks.edge.openapi import routes as openapi
from functions.tasks.edge.routing import Routes
from functions.tasks.edge.writes import Writes
from functions.tasks.notifications import routes as notifications
from functions.tasks.series import routes as series
from functions.tasks.tasks import routes as tasks
from functions.tasks.tasks.view import render
from functions.tasks.webhooks import routes as webhooks
from functions.tasks.webhooks.policy import Policy
from shared.db.uow import Transaction, UnitOfWork
from shared.domain.task import Task
from shared.runtime.auth import Verifier
from shared.runtime.http import create_app
from shared.runtime.sealing import Sealer


def build(
    uow: UnitOfWork,
    verifier: Verifier,
    *,
    sealer: Sealer,
    allow_loopback: bool = False,
    cors_origins: Collection[str] = (),
) -> Flask:
    """The Flask application with every route declared."""

    def register(app: Flask) -> None:
        routes, writes = Routes(app, verifier), Writes(uow)
        tasks.register(routes, uow, writes)
        commands.register(routes, writes)
        series.register(routes, uow, writes, show_task=_show_task)
        webhooks.register(routes, uow, writes, Policy(sealer, allow_loopback=allow_loopback))
        notifications.register(routes, uow)
        account.register(routes, uow, writes)
        audit.register(routes, uow, sealer)
        openapi.register(app, routes)

    return create_app("tasks", register=register, cors_origins=cors_origins)


def _show_task(tx: Transaction, task: Task) -> dict[str, Any]:
    return render(tx, [task], user_zone=tx.account.timezone)[0]
