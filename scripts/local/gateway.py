"""The public listener, which forwards requests to the functions; `forward` is used by doors.py, too."""

import asyncio
import re
from collections.abc import Mapping

from scripts.local.asgi import (
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    TooLarge,
    header,
    problem,
    whole_body,
)
from scripts.local.http_client import HOP_BY_HOP, Exchange, Request
from scripts.local.revision import Refused, Revision
from shared.runtime import transport

_FORWARDING = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded")


class Gateway:
    """Routes by Host `<service>.<namespace>.localhost`; any other host means the default Service."""

    def __init__(self, revisions: Mapping[str, Revision], *, namespace: str, default: str) -> None:
        self._public = {name: item for name, item in revisions.items() if item.service.public}
        self._name = re.compile(rf"^([a-z0-9-]+)\.{re.escape(namespace)}\.localhost(?::\d+)?$")
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = self._name.match(header(scope, b"host").lower())
        revision = self._public.get(match[1] if match else self._default)
        if revision is None:
            known = ", ".join(sorted(self._public)) or "none"
            await problem(
                send,
                404,
                "no_such_service",
                detail=f"no public Service {match[1] if match else self._default!r}; public: {known}",
            )
            return
        await forward(revision, scope, receive, send)


async def forward(
    revision: Revision, scope: Scope, receive: Receive, send: Send, *, target: bytes | None = None
) -> None:
    """Passes one request through: bodies unchanged, hop-by-hop headers dropped, the answer as it comes.

    A request waits here until all of it has arrived (the listener gives it 10 s), so that a slow client does
    not take a place of the function.
    """
    try:
        request = _request(scope, await whole_body(receive, limit=transport.MAX_BODY), target)
    except ClientGone:
        return
    except TooLarge as error:
        await problem(send, 413, "body_too_large", detail=str(error))
        return
    started = asyncio.Event()
    work = asyncio.create_task(_relay(revision, request, send, started))
    watch = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (work, watch):  # one side has ended (client or process): end the other
            task.cancel()
        await asyncio.gather(work, watch, return_exceptions=True)
    failure = None if work.cancelled() else work.exception()
    if isinstance(failure, Refused) and not started.is_set():
        await problem(send, failure.status, failure.code, detail=failure.detail)
    elif failure is not None:
        raise failure  # in the middle of an answer: uvicorn can only close the connection


async def _relay(revision: Revision, request: Request, send: Send, started: asyncio.Event) -> None:
    async with revision.exchange(request) as exchange:
        await send({"type": "http.response.start", "status": exchange.status, "headers": _response(exchange)})
        started.set()
        async for piece in revision.body(exchange):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _response(exchange: Exchange) -> Headers:
    named = {
        part.strip().lower().encode()
        for name, value in exchange.headers
        if name.lower() == b"connection"
        for part in value.decode("latin-1").split(",")
    }
    return [(name, value) for name, value in exchange.headers if name.lower() not in named]


def _request(scope: Scope, body: bytes, target: bytes | None) -> Request:
    path: bytes = target if target is not None else scope["raw_path"]
    if scope["query_string"]:
        path += b"?" + scope["query_string"]
    listed = {part.strip().lower() for part in header(scope, b"connection").split(",")}
    dropped = HOP_BY_HOP | listed | {"expect"}  # the body is here already
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name.decode("latin-1") not in dropped and name not in _FORWARDING
    ]
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    return Request(scope["method"], path, [*headers, *_forwarding(scope)], body, chunked)


def _forwarding(scope: Scope) -> Headers:
    client = scope["client"][0] if scope.get("client") else "127.0.0.1"
    before = header(scope, b"x-forwarded-for")
    chain = f"{before}, {client}" if before else client
    return [
        (b"x-forwarded-for", chain.encode("latin-1")),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", header(scope, b"host").encode("latin-1")),
    ]


async def _disconnected(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
