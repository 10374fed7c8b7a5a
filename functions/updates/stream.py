"""The answer of `GET /v1/stream`: sends what the hub gives, heartbeats between, and ends in time."""

import asyncio
import contextlib
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from functions.updates import edge, sse
from functions.updates.hub import Hub, Subscription
from shared.domain.errors import RetryLater
from shared.runtime import clock

HEARTBEAT_SECONDS = 15.0
START_SECONDS = 4.5  # to know where a stream begins; the database has said nothing by then: 503
STREAM_SECONDS = 570.0  # Knative cuts a request at timeoutSeconds (knative/updates.yaml: 600)
SEND_SECONDS = 30.0  # a client that takes nothing for that long is gone or too slow
HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


class EventStream(Response):
    """Holds a subscription while it is being sent; the client resumes with the last id that it saw."""

    def __init__(
        self,
        hub: Hub,
        user_id: str,
        *,
        token: int | None,
        seconds: float,
        heartbeat: float,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._hub, self._user_id, self._token = hub, user_id, token
        self._seconds, self._heartbeat = seconds, heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        stream = self._hub.join(self._user_id, self._token)
        try:
            first = None
            if self._token is None:
                # A client that has seen the headers misses nothing from then on: the start is known first.
                first = await _text(stream, gone, timeout=START_SECONDS)
                if first is None:
                    await self._refusal()(scope, receive, send)
                    return
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            taken = await _offer(send, first) if first else True
            finished = taken and await self._pump(stream, send, gone)
        finally:
            self._hub.leave(stream)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
        if finished:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _refusal(self) -> Response:
        error = RetryLater("the change feed cannot be read", code="database_unavailable")
        found = edge.refusal(error, self.headers.get("x-request-id", ""))
        found.headers.update({name: value for name, value in self.headers.items() if name not in HEADERS})
        return found

    async def _pump(self, stream: Subscription, send: Send, gone: asyncio.Task[None]) -> bool:
        """True when the stream ended by itself, False when its client is gone or takes nothing."""
        ends = clock.monotonic() + self._seconds
        while (left := ends - clock.monotonic()) > 0:
            text = await _text(stream, gone, timeout=min(left, self._heartbeat))
            if gone.done():
                return False
            if text == b"":
                return True
            if not await _offer(send, sse.HEARTBEAT if text is None else text):
                return False
        return True


async def _text(stream: Subscription, gone: asyncio.Task[None], *, timeout: float) -> bytes | None:  # noqa: ASYNC109  # of a wait that is no error
    """What the hub gives next; None after `timeout` seconds or when the client has gone."""
    waiting = asyncio.create_task(stream.next())
    done, _ = await asyncio.wait({waiting, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    if waiting in done:
        return waiting.result()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        return await waiting  # the text may have arrived in the meantime
    return None


async def _offer(send: Send, text: bytes) -> bool:
    """Whether the client took it: its connection may be full, or gone."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": text, "more_body": True})
    except (TimeoutError, OSError):
        return False
    return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
