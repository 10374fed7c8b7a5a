"""Entry point of `updates`, an ASGI function (idle streams must not hold threads): settings at import,
wiring on first use. Plain `functions-framework --target updates` sees the decorator and serves ASGI too.
"""

from functools import cache

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.updates.settings import Settings
from functions.updates.wiring import Updates, build
from shared.runtime.settings import load

settings = load(Settings)


@cache
def wire() -> Updates:
    return build(settings)


@functions_framework.aio.http
async def updates(request: Request) -> Response:
    return await wire().respond(request)
