"""Problems, request ids, limits and CORS for the ASGI function, as `shared.runtime.http` has them for the
others. Called by `app`.
"""

import re

import flask
from starlette.requests import Request
from starlette.responses import Response

from shared.domain.errors import AppError, LimitExceeded
from shared.runtime import event, http, problems

MAX_EVENT = 65_536
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALLOWED_HEADERS = "Authorization, Last-Event-ID, X-Request-Id, traceparent"
_MAX_AGE_SECONDS = "600"


def request_id(request: Request) -> str:
    """The client's request id if it is one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else http.new_request_id()


async def body(request: Request) -> bytes:
    """The whole body, counted as it arrives: its declared length may be wrong."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_EVENT:
            raise LimitExceeded("The body is too large.", code="body_too_large", too_large=True)
    return bytes(found)


def refusal(error: AppError, instance: str) -> Response:
    """A problem for a user."""
    return _translated(problems.of_app_error(error, instance=instance))


def verdict(error: AppError, instance: str) -> Response:
    """A verdict for the dispatcher."""
    return _translated(event.verdict("updates", error, instance=instance))


def bug(instance: str) -> Response:
    return _translated(problems.of_unknown(instance=instance))


def no_route() -> Response:
    return _translated(problems.problem(404, "no_such_route", "There is no such route.", instance=None))


def wrong_method(allowed: str) -> Response:
    detail = f"Only {allowed} is possible here."
    found = problems.problem(405, "method_not_allowed", detail, instance=None, headers={"Allow": allowed})
    return _translated(found)


def preflight() -> Response:
    return Response(status_code=204, headers={"Allow": "GET, OPTIONS"})


def security_headers() -> dict[str, str]:
    return {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def finish(request: Request, response: Response, *, request_id: str, origins: frozenset[str]) -> Response:
    """Adds what every answer carries."""
    response.headers["X-Request-Id"] = request_id
    response.headers.setdefault("Cache-Control", "no-store")
    for name, value in security_headers().items():
        response.headers.setdefault(name, value)
    if origins:
        response.headers.append("Vary", "Origin")
    origin = request.headers.get("origin")
    if origin in origins:
        response.headers["Access-Control-Allow-Origin"] = str(origin)
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            response.headers["Access-Control-Allow-Methods"] = "GET"
            response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = _MAX_AGE_SECONDS
    return response


def _translated(found: flask.Response) -> Response:
    headers = {k: v for k, v in found.headers.items() if k.lower() != "content-length"}
    return Response(found.get_data(), status_code=found.status_code, headers=headers)
