"""Builds `tasks`. Nothing connects before the first answer."""

from functools import partial

from functions.tasks.app import build as build_app
from functions.tasks.settings import Settings
from shared.messaging import connect
from shared.runtime import preload
from shared.runtime.auth import Verifier
from shared.runtime.http import View, serve_request
from shared.runtime.sealing import Sealer
from shared.runtime.wiring import publishing_uow

NAME = "tasks"
# What a write imports and a wake-up does not: small steps, since a request waits for one that has begun.
WRITES = (
    "pydantic_core",
    "pydantic.main",
    "functions.tasks.edge.bodies",
    "shared.domain.recurrence",
    "functions.tasks.tasks.bodies",
    "functions.tasks.tasks.verbs",
    "functions.tasks.tasks.snooze",
    "shared.events.shape",
    "shared.events.catalog",
    "cronsim",
    "functions.tasks.series.bodies",
    "functions.tasks.series.verbs",
    "functions.tasks.series.view",
)


def build(settings: Settings) -> View:
    """The task API behind the framework's one target."""
    uow = publishing_uow(NAME, settings.database_url, settings.kafka_bootstrap_servers)
    verifier = Verifier(settings.auth_jwks_url, settings.auth_issuer, settings.auth_audience)
    preload.later("jwt", verifier.prepare, uow.database.prepare, *WRITES)
    preload.later(partial(connect.load, settings.kafka_bootstrap_servers))
    app = build_app(
        uow,
        verifier,
        sealer=Sealer(settings.webhook_secret_key),
        allow_loopback=settings.webhook_allow_loopback,
        cors_origins=settings.cors_allowed_origins,
    )
    return partial(serve_request, app)
