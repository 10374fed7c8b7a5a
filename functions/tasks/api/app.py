"""The table of contents of the task API: which resources it has. Called by `main` and by tests."""

from collections.abc import Callable, Collection

from flask import Flask

from functions.tasks.api import audit, commands, notifications, openapi, preferences, series, tasks, webhooks
from functions.tasks.api.routing import Routes
from functions.tasks.api.writes import Writes
from functions.tasks.webhooks import Webhooks
from shared.db.uow import UnitOfWork
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
    readiness: Callable[[], None] | None = None,
) -> Flask:
    """The Flask application with every route declared."""

    def register(app: Flask) -> None:
        routes, writes = Routes(app, verifier), Writes(uow)
        tasks.register(routes, uow, writes)
        commands.register(routes, writes)
        series.register(routes, uow, writes)
        webhooks.register(routes, Webhooks(uow, sealer, allow_loopback=allow_loopback))
        notifications.register(routes, uow)
        preferences.register(routes, uow, writes)
        audit.register(routes, uow)
        openapi.register(app, routes)

    return create_app("tasks", register=register, readiness=readiness, cors_origins=cors_origins)
