"""Entry point of `relay`: settings at import, wiring on first use, nothing else."""

from functools import cache

import functions_framework
from flask import Request, Response

from functions.relay.settings import Settings
from shared.runtime.event import View
from shared.runtime.settings import load

settings = load(Settings)


@cache
def wire() -> View:
    from functions.relay.wiring import build

    return build(settings)


@functions_framework.http
def relay(request: Request) -> Response:
    return wire()(request)
