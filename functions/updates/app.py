"""The routes of `updates`: the stream for users, hints from Kafka, health. One method a route."""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from functions.updates import edge
from functions.updates.hub import Hub
from functions.updates.stream import HEARTBEAT_SECONDS, STREAM_SECONDS, EventStream
from shared.domain.errors import AppError, FieldError, Unauthenticated
from shared.events.task import TaskChanged
from shared.messaging.cloudevent import CloudEvent, from_http
from shared.runtime.auth import Identity
from shared.runtime.http import HEALTH
from shared.runtime.logging import get_logger
from shared.runtime.problems import Malformed
from shared.runtime.received import UnknownSchemaVersion, interpret

STREAM = "/v1/stream"
MAX_TOKEN_DIGITS = 18
log = get_logger(__name__)


class Updates:
    """Answers every request of the function."""

    def __init__(
        self,
        hub: Hub,
        verify: Callable[[str], Identity],
        *,
        origins: frozenset[str] = frozenset(),
        heartbeat: float = HEARTBEAT_SECONDS,
        seconds: float = STREAM_SECONDS,
    ) -> None:
        self._hub = hub
        self._heartbeat, self._seconds = heartbeat, seconds
        self._verify = verify
        self._origins = origins

    async def respond(self, request: Request) -> Response:
        """The answer to a request of any route."""
        request_id = edge.request_id(request)
        is_event = request.method == "POST" and request.url.path != STREAM
        try:
            response = await (self._hint(request) if is_event else self._route(request))
        except AppError as error:
            response = edge.verdict(error, request_id) if is_event else edge.refusal(error, request_id)
        except Exception:
            log.exception("unexpected error", path=request.url.path)
            response = edge.bug(request_id)
        return edge.finish(request, response, request_id=request_id, origins=self._origins)

    async def _route(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        if path in HEALTH:
            return Response(status_code=204) if method in ("GET", "HEAD") else edge.wrong_method("GET")
        if path == STREAM:
            if method == "OPTIONS":
                return edge.preflight()
            return await self._stream(request) if method == "GET" else edge.wrong_method("GET")
        return edge.wrong_method("POST") if path == "/" else edge.no_route()

    async def _stream(self, request: Request) -> Response:
        token = resume_token(request)
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credentials.strip():
            raise Unauthenticated
        # A thread: the first token fetches the issuer's keys.
        identity = await asyncio.to_thread(self._verify, credentials.strip())
        return EventStream(self._hub, identity, token=token, heartbeat=self._heartbeat, seconds=self._seconds)

    async def _hint(self, request: Request) -> Response:
        """A hint that a user's feed has grown. It has no content, so a forged one only causes one read."""
        event = await _event(request)
        try:
            user_id = interpret(event, accepts={TaskChanged.type}).user_id
        except UnknownSchemaVersion as newer:
            user_id = newer.user_id  # whatever it says, the feed is read in our own version
        self._hub.hint(user_id)
        return Response(status_code=204)


def resume_token(request: Request) -> int | None:
    """The token to continue from: `Last-Event-ID`, else `?since=`; None to begin now."""
    for name, text in (
        ("Last-Event-ID", request.headers.get("last-event-id")),
        ("since", request.query_params.get("since")),
    ):
        if text is None or text == "":
            continue
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_TOKEN_DIGITS):
            problem = FieldError(name, "invalid_token", f"{name} must be a change token")
            raise Malformed(problem.message, code=problem.code, errors=[problem])
        return int(text)
    return None


async def _event(request: Request) -> CloudEvent:
    return from_http(dict(request.headers.items()), await edge.body(request))
