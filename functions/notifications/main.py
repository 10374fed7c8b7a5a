"""Entry point of `notifications`: settings at import, wiring on first use, nothing else."""

from functools import cache

import functions_framework
from flask import Request, Response

from functions.notifications.settings import Settings
from shared.runtime.event import View
from shared.runtime.settings import load

settings = load(Settings)


@cache
def wire() -> View:
    from functions.notifications.wiring import build

    return build(settings)


@functions_framework.http
def notifications(request: Request) -> Response:
    return wire()(request)
