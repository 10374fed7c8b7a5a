"""Serves an ASGI function with uvicorn in one process: with the drain of `wsgi` and a limit for streams.
Used by `serve`.
"""

import asyncio
import math
from collections.abc import MutableMapping
from types import FrameType
from typing import Any

import uvicorn

from shared.messaging.strict_json import dumps
from shared.runtime import lifecycle, transport
from shared.runtime.asgi_connections import App, Protocol, Receive, Received, Scope, Send
from shared.runtime.http import HEALTH
from shared.runtime.logging import get_logger
from shared.runtime.settings import Runner

MAX_STREAMS = 512  # above containerConcurrency (500), which comes first: this only protects the memory
FINISH_SECONDS = 10.0  # after this a stream that has not ended itself is closed; its client resumes

log = get_logger(__name__)


def serve(app: App, settings: Runner) -> None:
    """Serves until a signal, then drains."""
    config = uvicorn.Config(
        Received(Capped(app, MAX_STREAMS)),
        http=Protocol,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        h11_max_incomplete_event_size=transport.MAX_HEADERS,
        timeout_keep_alive=transport.IDLE_SECONDS,
        timeout_graceful_shutdown=math.ceil(FINISH_SECONDS),
    )
    log.info("listening", port=settings.port)
    _Server(config, settings.drain_seconds).run()


class Capped:
    """Refuses requests above `limit` open ones with 503; health is never refused.

    While draining, answers end their connection, so that clients move to another process.
    """

    def __init__(self, app: App, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._open >= self._limit and scope["path"] not in HEALTH:
            await _refuse(send)
        else:
            self._open += 1
            try:
                await self._app(scope, receive, _ending(send))
            finally:
                self._open -= 1


class _Server(uvicorn.Server):
    """uvicorn would stop accepting at once and end by the signal; this one drains first and exits with 0."""

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: Any = None) -> None:  # sockets: as uvicorn declares it
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        lifecycle.listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        if lifecycle.draining() or self._loop is None:
            self.should_exit = True
            return
        lifecycle.begin_drain()
        log.info("draining", seconds=self._drain_seconds)
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, self._stop_accepting)

    def _stop_accepting(self) -> None:
        self.should_exit = True


def _ending(send: Send) -> Send:
    async def forward(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and lifecycle.draining():
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return forward


async def _refuse(send: Send) -> None:
    code = "too_many_streams"
    body = dumps({"type": f"/problems/{code}", "title": "Service Unavailable", "status": 503, "code": code})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"2"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
