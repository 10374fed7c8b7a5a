"""Builds `tasks`. Nothing connects before the first request."""

from functools import partial

from functions.tasks.app import build as build_app
from functions.tasks.settings import Settings
from shared.runtime.auth import Verifier
from shared.runtime.http import View, serve_request
from shared.runtime.sealing import Sealer
from shared.runtime.wiring import publishing_uow

NAME = "tasks"


def build(settings: Settings) -> View:
    """The task API behind the framework's one target."""
    app = build_app(
        publishing_uow(NAME, settings.database_url, settings.kafka_bootstrap_servers),
        Verifier(settings.auth_jwks_url, settings.auth_issuer, settings.auth_audience),
        sealer=Sealer(settings.webhook_secret_key),
        allow_loopback=settings.webhook_allow_loopback,
        cors_origins=settings.cors_allowed_origins,
    )
    return partial(serve_request, app)
