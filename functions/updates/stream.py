"""The answer of `GET /v1/stream`: sends the text that the hub gives, and heartbeats in between. It ends
when the user's token expires, or before the time limit of the platform.
"""

import asyncio
import contextlib
import math
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from functions.updates import edge, sse
from functions.updates.hub import Hub, Subscription
from shared.domain.errors import AppError, RetryLater, Unauthenticated
from shared.runtime import clock
from shared.runtime.auth import Identity

HEARTBEAT_SECONDS = 15.0
START_SECONDS = 4.5  # for the first read of the feed; after it 503
STREAM_SECONDS = 570.0  # Knative cuts a request at timeoutSeconds (knative/updates.yaml: 600)
SEND_SECONDS = 30.0  # a client that reads nothing for so long has gone or is too slow
EXPIRED = "token_expired"
HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


class EventStream(Response):
    """Holds a subscription while it is being sent; the client resumes with the last id that it saw."""

    def __init__(
        self, hub: Hub, identity: Identity, *, token: int | None, seconds: float, heartbeat: float
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._hub, self._user_id, self._token = hub, identity.user_id, token
        self._heartbeat = heartbeat
        self._ends, self._why = _end(identity.expires_at, seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        stream: Subscription | None = None
        try:
            stream = self._hub.join(self._user_id, self._token)
            first = await self._start(stream, gone)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if (not first or await _offer(send, first)) and (reason := await self._pump(stream, send, gone)):
                await _offer(send, sse.end(reason), last=True)
        except AppError as error:  # only before the start of the answer
            await self._refusal(error)(scope, receive, send)
        finally:
            if stream is not None:
                self._hub.leave(stream)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _start(self, stream: Subscription, gone: asyncio.Task[None]) -> bytes | None:
        """The first text. The position of the stream is read before the headers are sent, so that a client
        gets every change after it has seen the headers.
        """
        first = await _text(stream, gone, timeout=START_SECONDS) if self._token is None else None
        if self._why == EXPIRED and self._ends <= clock.monotonic():
            raise Unauthenticated
        if self._token is None and not first:
            raise RetryLater("the change feed cannot be read", code="database_unavailable")
        return first

    def _refusal(self, error: AppError) -> Response:
        found = edge.refusal(error, self.headers.get("x-request-id", ""))
        found.headers.update({name: value for name, value in self.headers.items() if name not in HEADERS})
        return found

    async def _pump(self, stream: Subscription, send: Send, gone: asyncio.Task[None]) -> str:
        """Send until the end; returns the reason, "" when the client has gone or reads nothing."""
        while (left := self._ends - clock.monotonic()) > 0:
            text = await _text(stream, gone, timeout=min(left, self._heartbeat))
            if gone.done():
                return ""
            if text == b"":
                return stream.ended
            if not await _offer(send, sse.HEARTBEAT if text is None else text):
                return ""
        return self._why


def _end(expires_at: float | None, seconds: float) -> tuple[float, str]:
    """When a stream has to end (monotonic clock), and the reason: the token or the time limit."""
    left = math.inf if expires_at is None else expires_at - clock.now().timestamp()
    return clock.monotonic() + min(left, seconds), EXPIRED if left < seconds else "time_limit"


async def _text(stream: Subscription, gone: asyncio.Task[None], *, timeout: float) -> bytes | None:  # noqa: ASYNC109  # of a wait that is no error
    """The next text of the hub; None after `timeout` seconds or when the client has gone."""
    waiting = asyncio.create_task(stream.next())
    done, _ = await asyncio.wait({waiting, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    if waiting in done:
        return waiting.result()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        return await waiting  # the text may have arrived in the meantime
    return None


async def _offer(send: Send, text: bytes, *, last: bool = False) -> bool:
    """Send a text; False if the client has gone or did not take it in time."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": text, "more_body": not last})
    except (TimeoutError, OSError):
        return False
    return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
