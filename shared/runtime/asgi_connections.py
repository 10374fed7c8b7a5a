"""uvicorn's connections with the limits of `connections`: a time to receive a request, and a number of them.

`Protocol` watches the bytes of one connection. `Received` calls the application only when the whole request
has arrived, so that an incomplete one does not count as a stream. `asgi` uses both.
"""

import asyncio
import heapq
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from h11 import DONE, ERROR, IDLE, MUST_CLOSE, SEND_RESPONSE
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.runtime import clock, transport

_HANDED_ON = 65_537  # bytes; more than any application here accepts, so it refuses the request itself
_RECEIVED = (IDLE, DONE, MUST_CLOSE, ERROR)  # states of a client that is not sending a request

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Protocol(H11Protocol):
    """One connection. `since`: the time of its last answer, or of its beginning before the first."""

    _timer: asyncio.TimerHandle | None = None
    since = 0.0

    def connection_made(self, transport_: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport_)
        accepted = transport_.get_extra_info("socket")
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are two writes
        # While its client reads nothing, a connection keeps its unsent bytes, even after it was closed.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, transport.UNREAD_SECONDS * 1000)
        self.since = clock.monotonic()
        # uvicorn starts this only after the first answer: a connection that sends nothing would never end.
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._received()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.conn.they_are_waiting_for_100_continue:
            self.cycle.waiting_for_100_continue = False  # the body is here: it need not be asked for
        self._watch()

    def on_response_complete(self) -> None:
        self.since = clock.monotonic()
        super().on_response_complete()
        self._watch()  # half a request may have come while the last one was answered

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's signature
        self._refuse(400)

    def waiting(self) -> bool:
        """Whether the server waits for the client: no request is being answered."""
        return self.cycle is None or self.cycle.response_complete or self._receiving()

    def _receiving(self) -> bool:
        """Whether a request has begun and is not complete. After half a head h11 says IDLE."""
        return self.conn.their_state not in _RECEIVED or bool(
            self.conn.their_state is IDLE and self.conn.trailing_data[0]
        )

    def _watch(self) -> None:
        if not self._receiving():
            self._received()
        elif self._timer is None:
            self._timer = self.loop.call_later(transport.RECEIVE_SECONDS, self._late)

    def _received(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if not self.transport.is_closing() and self._receiving():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer with `status` if no answer has begun, then close."""
        if self.conn.our_state in (IDLE, SEND_RESPONSE):
            self.transport.write(transport.raw_problem(status))
        self.transport.close()

    def _make_room(self) -> None:
        """Above MAX_CONNECTIONS, close waiting connections: those whose last answer is the oldest."""
        if len(self.connections) <= transport.MAX_CONNECTIONS:
            return
        staying = [c for c in self.connections if isinstance(c, Protocol) and not c.transport.is_closing()]
        excess = len(staying) - transport.MAX_CONNECTIONS
        for idle in heapq.nsmallest(excess, filter(Protocol.waiting, staying), key=lambda c: c.since):
            idle.transport.close()


class Received:
    """Calls `app` when a request has arrived completely, or is larger than any that is accepted."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more and len(body) < _HANDED_ON:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # or refused because it took too long
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self._app(scope, _replaying(body, receive, more=more), send)


def _replaying(body: bytearray, receive: Receive, *, more: bool) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": more}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
