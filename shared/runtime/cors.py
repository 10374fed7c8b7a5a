"""CORS for the public functions: an allow-list of origins, no credentials, no wildcard. Used by `http`."""

from collections.abc import Collection

import flask
from flask import Response

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID,"
    " X-Request-Id, traceparent"
)
_RESPONSE_HEADERS = (
    "ETag, Location, Link, Retry-After, Idempotency-Replayed, RateLimit, RateLimit-Policy, X-Request-Id"
)
_MAX_AGE_SECONDS = "600"


def answer_preflight() -> Response | None:
    """The answer to a preflight, else None. Runs before authentication, because browsers send preflights
    without credentials. An unknown route stays a 404.
    """
    request = flask.request
    if request.method != "OPTIONS" or request.routing_exception is not None:
        return None
    adapter = flask.globals.request_ctx.url_adapter
    methods = sorted(adapter.allowed_methods()) if adapter else []
    response = Response(status=204, headers={"Allow": ", ".join(methods)})
    response.headers.pop("Content-Type")
    return response


def allow(response: Response, origins: Collection[str]) -> Response:
    """Adds the CORS headers when the request's Origin is on the list."""
    request = flask.request
    if origins:
        response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins:
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = _MAX_AGE_SECONDS
    return response
