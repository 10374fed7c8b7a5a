"""The ASGI functions of the three listeners: read a body, answer, refuse web pages, serve with uvicorn."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from scripts.local.state import InUse
from shared.runtime import transport
from shared.runtime.asgi_connections import Protocol

Scope = MutableMapping[str, Any]  # ASGI's own loose types
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_LIMIT = 8 * 1024 * 1024
_LOCAL_HOST = re.compile(
    r"^(127\.0\.0\.1|localhost|\[::1\]|[a-z0-9.-]+\.(localhost|svc\.cluster\.local))(:\d+)?$"
)


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


class TooLarge(Exception):
    """The body is larger than the listener allows."""


def header(scope: Scope, name: bytes) -> str:
    """The last value of a header, "" if absent; `name` in lower case."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[-1].decode("latin-1") if found else ""


async def whole_body(receive: Receive, *, limit: int = BODY_LIMIT) -> bytes:
    """All of the body; `TooLarge` above `limit` bytes, `ClientGone` when it never ends."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge(f"the body is above {limit} bytes")
    return bytes(body)


async def answer(
    send: Send,
    status: int,
    body: bytes = b"",
    *,
    kind: str = "application/json",
    headers: Headers | None = None,
) -> None:
    """A complete response."""
    fields = [(b"content-length", str(len(body)).encode()), *(headers or [])]
    if body:
        fields.append((b"content-type", kind.encode()))
    if status == 204:
        fields = list(headers or [])
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, document: object) -> None:
    await answer(send, status, json.dumps(document, indent=1).encode() + b"\n")


async def problem(send: Send, status: int, code: str, *, detail: str) -> None:
    """RFC 9457, with the stable code that every TaskFlow answer has."""
    titles = {
        400: "Bad request",
        403: "Forbidden",
        404: "Not found",
        405: "Method not allowed",
        413: "Too large",
        502: "Bad gateway",
        503: "Unavailable",
        504: "Timeout",
    }
    document = {
        "type": "about:blank",
        "title": titles.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    extra = [(b"retry-after", b"1")] if status == 503 else []
    body = json.dumps(document, indent=1).encode() + b"\n"
    await answer(send, status, body, kind="application/problem+json", headers=extra)


def guarded(app: App) -> App:
    """`app` for programs on this machine only: web pages in a browser must not reach the inner listeners.

    Pages send an Origin with every POST; a name that was made to resolve to loopback (DNS rebinding) is in
    Host.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        origin, host = header(scope, b"origin"), header(scope, b"host")
        if not _LOCAL_HOST.match(host) or (origin and origin != f"http://{host}"):
            await problem(
                send, 403, "foreign_origin", detail="this listener serves programs on this machine only"
            )
            return
        try:
            await app(scope, receive, send)
        except TooLarge as error:
            await problem(send, 413, "body_too_large", detail=str(error))
        except ClientGone:
            return

    return guard


def listen(port: int, option: str, *, address: str = "127.0.0.1") -> socket.socket:
    """A listener, on loopback unless told otherwise; InUse names the option that moves it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise InUse(
            f"port {port} on {address} cannot be used ({error.strerror}); choose others with {option} "
            "(three in a row are needed)"
        ) from None
    listener.setblocking(False)
    return listener


class Server(uvicorn.Server):
    """uvicorn without its signal handlers, because run.py stops everything in order."""

    def __init__(self, app: App, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                http=Protocol,  # as the functions' own: deadline for a request, cap, TCP_NODELAY
                h11_max_incomplete_event_size=transport.MAX_HEADERS,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=3,
            )
        )
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def open(self) -> None:
        self._task = asyncio.create_task(self.serve(sockets=[self._listener]))
        while not self.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stops accepting, gives open requests 3 s."""
        self.should_exit = True
        if self._task is not None:
            await self._task
