"""An ASGI function that streams until the process drains, for tests of the runner."""

import asyncio
from collections.abc import AsyncIterator

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shared.runtime import lifecycle


async def _ticks() -> AsyncIterator[bytes]:
    while not lifecycle.draining():
        yield b": tick\n\n"
        await asyncio.sleep(0.05)
    yield b"event: end\n\n"


@functions_framework.aio.http
async def streams(request: Request) -> Response:
    if request.url.path == "/stream":
        return StreamingResponse(_ticks(), media_type="text/event-stream")
    return Response(status_code=204)
