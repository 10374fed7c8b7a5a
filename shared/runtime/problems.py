"""Makes RFC 9457 problems of errors: the table from domain errors to HTTP statuses, and the JSON body.

Used by `http` for APIs and by `event` for verdicts. No problem repeats what the client sent.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

from shared.domain.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
    RetryLater,
    Unauthenticated,
)
from shared.messaging.cloudevent import InvalidCloudEvent, UnsupportedEncoding
from shared.messaging.strict_json import InvalidJson, dumps

MEDIA_TYPE = "application/problem+json"


class Gone(AppError):  # like its siblings in the domain
    """What the request continues from is too old; start anew."""

    code = "gone"


class Malformed(Invalid):
    """The request itself is malformed."""

    code = "malformed"


class UnsupportedMediaType(AppError):  # like its siblings in the domain
    """The body's media type is not supported here."""

    code = "unsupported_media_type"


# Most specific first; an HTTP API and an event function differ only where `event` says so.
_STATUSES: tuple[tuple[type[AppError], int], ...] = (
    (UnsupportedEncoding, 415),
    (InvalidCloudEvent, 400),
    (InvalidJson, 400),
    (Malformed, 400),
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (PreconditionFailed, 412),
    (RetryLater, 503),
    (Gone, 410),
    (UnsupportedMediaType, 415),
)

# What Werkzeug raises by itself: routing, methods, media types.
_TRANSPORT: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request is malformed."),
    404: ("no_such_route", "There is no such route."),
    405: ("method_not_allowed", "This route does not have that method; see Allow."),
    410: (Gone.code, Gone.__doc__ or ""),
    413: ("body_too_large", "The body is too large."),
    415: (UnsupportedMediaType.code, UnsupportedMediaType.__doc__ or ""),
}


def status_of(error: AppError) -> int:
    """The HTTP status of a domain error.

    >>> status_of(NotFound()), status_of(LimitExceeded(too_large=True)), status_of(RetryLater())
    (404, 413, 503)
    """
    if isinstance(error, LimitExceeded):
        return 413 if error.too_large else 429
    return next((status for cls, status in _STATUSES if isinstance(error, cls)), 500)


def of_app_error(error: AppError, *, instance: str | None, status: int | None = None) -> Response:
    """The problem of a domain error, with the headers that go with it."""
    status = status or status_of(error)
    extra: dict[str, Any] = {}
    if isinstance(error, Invalid | Conflict) and error.errors:
        extra["errors"] = [{"field": e.field, "code": e.code, "message": e.message} for e in error.errors]
    return problem(status, error.code, error.message, instance=instance, extra=extra, headers=_headers(error))


def of_http_exception(error: HTTPException, *, instance: str | None) -> Response:
    """The problem of an error raised by routing or by Werkzeug's parsers."""
    status = error.code or 500
    code, detail = _TRANSPORT.get(status, (f"http_{status}", HTTPStatus(status).phrase))
    headers = {k: v for k, v in error.get_headers() if k.lower() in ("allow", "retry-after")}
    return problem(status, code, detail, instance=instance, headers=headers)


def of_unknown(*, instance: str | None) -> Response:
    """The problem of a bug: no detail, only the request id under which it was logged."""
    return problem(500, "internal_error", "Something went wrong on our side.", instance=instance)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str | None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with the problem document; `extra` adds members, `instance` is the request id."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if instance is not None:
        body["instance"] = instance
    body.update(extra or {})
    response = Response(dumps(body), status=status, content_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    return response


def _headers(error: AppError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, PreconditionFailed) and error.current_version is not None:
        return {"ETag": f'"{error.current_version}"'}
    delay = error.delay if isinstance(error, RetryLater | LimitExceeded) else None
    return {} if delay is None else {"Retry-After": str(max(1, math.ceil(delay)))}
