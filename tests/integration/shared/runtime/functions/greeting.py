"""An ASGI function that answers at once, for tests of what its runner does before it is called."""

import functions_framework.aio
from own_sockets import nodelay
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


@functions_framework.aio.http
async def greeting(request: Request) -> Response:
    if request.url.path == "/nodelay" and request.client is not None:
        return JSONResponse(nodelay(request.client.port))
    body = await request.body()
    return JSONResponse({"received": len(body)})
