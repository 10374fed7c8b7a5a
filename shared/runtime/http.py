"""The Flask application of the API functions: problems, request ids, traces, CORS, limits, health.

`main.py` builds an application with `create_app` and hands each framework request to `serve_request`.
"""

import io
import re
from collections.abc import Callable, Collection
from typing import Any

import flask
from flask import Flask, Request, Response, g
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from shared.domain.errors import AppError, Invalid, LimitExceeded
from shared.domain.identity import uuid7
from shared.messaging import strict_json
from shared.runtime import clock, cors, deadline, problems
from shared.runtime.logging import bind, configure, get_logger
from shared.runtime.problems import Gone, UnsupportedMediaType
from shared.runtime.settings import Process, load
from shared.runtime.tracing import continue_trace, trace_id

__all__ = [
    "Gone",
    "UnsupportedMediaType",
    "View",
    "create_app",
    "json_body",
    "no_content",
    "serve_request",
]

MAX_BODY = 65_536
REQUEST_SECONDS = 4.0  # for a whole request, so that a 503 comes within 5 s
RECEIVED_AT = "taskflow.received_at"  # set by our runner: clock.monotonic() when the whole request was here
HEALTH = ("/health/liveness", "/health/readiness")
View = Callable[[Request], Response]  # answers a request
_JSON = ("application/json", "application/merge-patch+json")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}

log = get_logger(__name__)


def create_app(
    name: str,
    *,
    register: Callable[[Flask], None],
    cors_origins: Collection[str] = (),
    max_body: int = MAX_BODY,
) -> Flask:
    """A Flask application with health, problems, CORS and limits; `register` adds the routes.

    >>> app = create_app("tasks", register=lambda app: None)
    >>> answer = app.test_client().get("/v1/tasks")
    >>> answer.status, answer.content_type, answer.json["code"]
    ('404 NOT FOUND', 'application/problem+json', 'no_such_route')
    """
    process = load(Process)
    configure(service=name, level=process.log_level)
    app = Flask(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # no redirects: a client's POST would become a GET
    app.before_request(_begin)
    app.before_request(cors.answer_preflight)
    app.after_request(lambda response: cors.allow(response, frozenset(cors_origins)))
    app.after_request(_finish)
    app.teardown_request(_end)
    app.register_error_handler(Exception, to_problem)
    _add_health(app)
    register(app)
    return app


def serve_request(app: Flask, request: Request) -> Response:
    """The answer of `app` to a request of functions-framework, within REQUEST_SECONDS."""
    with deadline.within(_left(request)), app.request_context(request.environ):
        response = app.full_dispatch_request()
    discard_body(request)
    return response


def _left(request: Request) -> float:
    """Seconds that are left of REQUEST_SECONDS after the wait for a thread; never negative."""
    received = request.environ.get(RECEIVED_AT)
    waited = 0.0 if received is None else clock.monotonic() - received
    return max(0.0, REQUEST_SECONDS - waited)


def json_body(
    request: Request, *, media_types: Collection[str] = _JSON, optional: bool = False
) -> dict[str, Any]:
    """The JSON object in the body; {} for no body if `optional`. Raises 400, 413, 415 or 422."""
    body = read_body(request)
    if optional and not body:
        return {}
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in media_types or charset != "utf-8":
        raise UnsupportedMediaType(f"Send {' or '.join(media_types)} in UTF-8.")
    value = strict_json.loads(body, max_bytes=request.max_content_length or MAX_BODY)
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.", code="not_an_object")
    return value


def no_content() -> Response:
    """204 without a body and without the media type that Flask would name for it."""
    response = Response(status=204)
    response.headers.pop("Content-Type")
    return response


def read_body(request: Request) -> bytes:
    """The whole body; LimitExceeded above `request.max_content_length`, chunked or not."""
    limit = request.max_content_length or MAX_BODY
    # One more than allowed: Werkzeug cuts a body without Content-Length at its limit, silently.
    request.max_content_length = limit + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        body = None
    request.max_content_length = limit
    if body is None or len(body) > limit:
        raise LimitExceeded("The body is too large.", code="body_too_large", too_large=True)
    return body


def discard_body(request: Request) -> None:
    """Stops the framework from reading what is left of a body after the answer is made.

    It does so without a limit, and for a refused body the same refusal would surface again as a 500.
    """
    request.environ.update({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"})
    request.environ.pop("HTTP_TRANSFER_ENCODING", None)
    request.max_content_length = None
    vars(request).pop("stream", None)  # a cached_property over the old input


def new_request_id() -> str:
    """A new id for a request that brings none."""
    return str(uuid7(clock.now()))


def _begin() -> None:
    given = flask.request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id()
    g.traceparent = continue_trace(flask.request.headers.get("traceparent"))
    g.started = clock.monotonic()
    g.log_fields = bind(request_id=g.request_id, trace=trace_id(g.traceparent))
    g.log_fields.__enter__()


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    for header, value in _SECURITY.items():
        response.headers.setdefault(header, value)
    response.headers.pop("Server", None)
    if flask.request.path not in HEALTH:
        rule = flask.request.url_rule
        log.info(
            "request served",
            method=flask.request.method,
            route=rule.rule if rule else None,
            status=response.status_code,
            ms=round((clock.monotonic() - g.started) * 1000, 1),
        )
    return response


def _end(_error: BaseException | None) -> None:
    fields = g.pop("log_fields", None)
    if fields is not None:
        fields.__exit__(None, None, None)


def to_problem(error: Exception) -> Response:
    """The problem for any exception: the error handler of every Flask application here."""
    instance = g.get("request_id")
    if isinstance(error, HTTPException):
        return problems.of_http_exception(error, instance=instance)
    if isinstance(error, AppError):
        if error.__cause__ is not None:
            log.warning("request failed", code=error.code, cause=type(error.__cause__).__name__)
        return problems.of_app_error(error, instance=instance)
    log.failure("unexpected error", error, route=getattr(flask.request.url_rule, "rule", None))
    return problems.of_unknown(instance=instance)


def _add_health(app: Flask) -> None:
    """Health for an application that runs without `entry.deferred`, which otherwise answers it."""
    for path in HEALTH:
        app.add_url_rule(path, path.rpartition("/")[2], no_content, methods=["GET"])
