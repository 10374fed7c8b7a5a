"""Entry point of `updates`, an ASGI function, because idle streams must not hold threads. It reads its
settings at import and builds the wiring after it listens. Plain `functions-framework --target updates`
serves it, too.
"""

import asyncio
from typing import TYPE_CHECKING

import flask
import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.updates.settings import Settings
from shared.runtime.entry import NotWired, Once, health, is_health, unwired
from shared.runtime.settings import load

if TYPE_CHECKING:
    from functions.updates.app import Updates

settings = load(Settings)


def wire() -> "Updates":
    from functions.updates.wiring import build

    return build(settings)


wired = Once(wire)


def translated(found: flask.Response) -> Response:
    return Response(found.get_data(), found.status_code, dict(found.headers))


@functions_framework.aio.http
async def updates(request: Request) -> Response:
    if is_health(request.method, request.url.path):
        return translated(health(wired, request.url.path))
    try:
        app = await asyncio.to_thread(wired)
    except NotWired:
        return translated(unwired(wired))
    return await app.respond(request)
