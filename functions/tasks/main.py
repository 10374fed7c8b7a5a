"""Entry point of `tasks`: settings at import, wiring on first use, nothing else."""

from functools import cache

import functions_framework
from flask import Flask, Request, Response

from functions.tasks.settings import Settings
from shared.runtime.http import serve_request
from shared.runtime.settings import load

NAME = "tasks"
settings = load(Settings)


@cache
def wire() -> Flask:
    from functions.tasks.api.app import build
    from shared.runtime.auth import Verifier
    from shared.runtime.sealing import Sealer
    from shared.runtime.wiring import publishing_uow

    return build(
        publishing_uow(NAME, settings.database_url, settings.kafka_bootstrap_servers),
        Verifier(settings.auth_jwks_url, settings.auth_issuer, settings.auth_audience),
        sealer=Sealer(settings.webhook_secret_key),
        allow_loopback=settings.webhook_allow_loopback,
        cors_origins=settings.cors_allowed_origins,
    )


@functions_framework.http
def tasks(request: Request) -> Response:
    return serve_request(wire(), request)
