"""Entry point of `updates`, an ASGI function (idle streams must not hold threads): settings at import,
wiring behind the first answer. Plain `functions-framework --target updates` serves it too.
"""

import asyncio
from typing import TYPE_CHECKING

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.updates.settings import Settings
from shared.runtime.entry import Once
from shared.runtime.http import HEALTH
from shared.runtime.settings import load

if TYPE_CHECKING:
    from functions.updates.app import Updates

settings = load(Settings)


def wire() -> "Updates":
    from functions.updates.wiring import build

    return build(settings)


wired = Once(wire)


@functions_framework.aio.http
async def updates(request: Request) -> Response:
    if request.url.path in HEALTH and request.method in ("GET", "HEAD"):
        return Response(status_code=204)
    return await (await asyncio.to_thread(wired)).respond(request)
