"""The HTTP edge: every error is a problem, limits hold, ids and traces go through, CORS is a list."""

import io
import json

import flask
import pytest
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from shared.domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
    RetryLater,
    Unauthenticated,
)
from shared.runtime import deadline, http
from shared.runtime.http import Gone, create_app, json_body, serve_request
from shared.runtime.tracing import trace_id

ORIGIN = "https://todo.example"
ERRORS = {
    "invalid": (Invalid("bad", errors=[FieldError("title", "too_long", "Too long.")]), 422),
    "unauthenticated": (Unauthenticated(), 401),
    "forbidden": (Forbidden(), 403),
    "not_found": (NotFound(), 404),
    "conflict": (Conflict(code="newer_occurrence_changed"), 409),
    "precondition": (PreconditionFailed(current_version=7), 412),
    "too_many": (LimitExceeded(delay=1.2), 429),
    "too_large": (LimitExceeded(too_large=True), 413),
    "later": (RetryLater(delay=2.5), 503),
    "gone": (Gone(), 410),
    "bug": (KeyError("canary"), 500),
}


def _register(app: flask.Flask) -> None:
    @app.get("/v1/fail/<name>")
    def fail(name: str) -> flask.Response:
        raise ERRORS[name][0]

    @app.post("/v1/echo")
    def echo() -> flask.Response:
        response = flask.jsonify(json_body(flask.request))
        response.headers["ETag"] = '"1"'
        return response

    @app.post("/v1/action")
    def action() -> flask.Response:
        return flask.jsonify(json_body(flask.request, optional=True))

    @app.get("/v1/trace")
    def trace() -> flask.Response:
        return flask.jsonify({"traceparent": flask.g.traceparent, "request_id": flask.g.request_id})


@pytest.fixture
def app() -> flask.Flask:
    return create_app("tasks", register=_register, cors_origins=[ORIGIN])


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.mark.parametrize("name", ERRORS)
def test_domain_errors_become_problems(client, name):
    error, status = ERRORS[name]
    response = client.get(f"/v1/fail/{name}", headers={"X-Request-Id": "req-1"})
    body = response.get_json()
    assert response.status_code == body["status"] == status
    assert response.content_type == "application/problem+json"
    assert body["instance"] == "req-1"
    assert body["code"] == getattr(error, "code", "internal_error")
    assert body["type"] == f"/problems/{body['code']}"
    assert set(body) <= {"type", "title", "status", "detail", "instance", "code", "errors"}
    assert "canary" not in response.text


def test_headers_that_belong_to_a_status(client):
    assert client.get("/v1/fail/unauthenticated").headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/v1/fail/precondition").headers["ETag"] == '"7"'
    assert client.get("/v1/fail/later").headers["Retry-After"] == "3"
    assert client.get("/v1/fail/too_many").headers["Retry-After"] == "2"


def test_validation_lists_its_fields(client):
    body = client.get("/v1/fail/invalid").get_json()
    assert body["errors"] == [{"field": "title", "code": "too_long", "message": "Too long."}]


def test_unknown_route_and_method(client):
    assert client.get("/nope").get_json()["code"] == "no_such_route"
    response = client.delete("/v1/echo")
    assert response.status_code == 405
    assert response.get_json()["code"] == "method_not_allowed"
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/v1/echo/", "/v1//echo"])
def test_paths_are_never_redirected(client, path):
    assert client.post(path, json={}).status_code in (200, 404)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", None, 415, "unsupported_media_type"),
        (b"{}", "application/json; charset=utf-16", 415, "unsupported_media_type"),
        (b"{", "application/json", 400, "invalid_json"),
        (b"", "application/json", 400, "invalid_json"),
        (b'{"a":1,"a":1}', "application/json", 400, "invalid_json"),
        (b'{"a":NaN}', "application/json", 400, "invalid_json"),
        (b'{"a":"\\ud800"}', "application/json", 400, "invalid_json"),
        (b'{"a":"\\u0000"}', "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 422, "not_an_object"),
        (b'"' + b"a" * 70_000 + b'"', "application/json", 413, "body_too_large"),
    ],
)
def test_bad_bodies(client, body, content_type, status, code):
    response = client.post("/v1/echo", data=body, content_type=content_type)
    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert response.get_json()["instance"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize("media", ["application/json", "application/merge-patch+json; charset=UTF-8"])
def test_good_bodies(client, media):
    response = client.post("/v1/echo", data='{"title":"ü"}'.encode(), content_type=media)
    assert response.get_json() == {"title": "ü"}
    assert response.headers["ETag"] == '"1"'


def test_the_body_limit_is_64_kib(client):
    at_limit = b'{"a":"' + b"x" * (65_536 - 8) + b'"}'
    assert len(at_limit) == 65_536
    assert client.post("/v1/echo", data=at_limit, content_type="application/json").status_code == 200
    over = at_limit[:-2] + b'x"}'
    assert client.post("/v1/echo", data=over, content_type="application/json").status_code == 413


def test_a_chunked_body_is_counted(app):
    environ = EnvironBuilder("/v1/echo", method="POST", content_type="application/json").get_environ()
    environ |= {"wsgi.input": io.BytesIO(b" " * 70_000 + b"{}"), "wsgi.input_terminated": True}
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked"}
    environ.pop("CONTENT_LENGTH", None)
    body, status, _ = run_wsgi_app(app, environ)
    assert status.startswith("413")
    assert json.loads(b"".join(body))["code"] == "body_too_large"


def test_an_optional_body_may_be_absent(client):
    assert client.post("/v1/action").get_json() == {}
    assert client.post("/v1/action", json={"a": 1}).get_json() == {"a": 1}
    assert client.post("/v1/action", data="x").status_code == 415


def test_request_ids_are_taken_or_made(client):
    assert client.get("/v1/trace", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    for bad in ("a b", "x" * 65, "", "é"):
        made = client.get("/v1/trace", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert made != bad
        assert len(made) == 36


def test_traces_are_continued(client):
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    ours = client.get("/v1/trace", headers={"traceparent": given}).get_json()["traceparent"]
    assert trace_id(ours) == trace_id(given)


@pytest.mark.parametrize("path", ["/v1/trace", "/nope", "/v1/fail/bug", "/health/liveness"])
def test_security_headers_are_on_every_answer(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers


def test_preflight_from_a_listed_origin(client):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    response = client.options("/v1/echo", headers=asked)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "POST" in response.headers["Allow"]
    assert response.headers["Vary"] == "Origin"
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://todo.example.evil", None])
def test_other_origins_get_no_permission(client, origin):
    headers = {"Access-Control-Request-Method": "POST"} | ({"Origin": origin} if origin else {})
    for response in (client.options("/v1/echo", headers=headers), client.get("/v1/trace", headers=headers)):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"


def test_answers_expose_their_headers_to_a_listed_origin(client):
    response = client.get("/v1/fail/not_found", headers={"Origin": ORIGIN})
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "ETag" in response.headers["Access-Control-Expose-Headers"]


def test_preflight_of_an_unknown_route(client):
    assert client.options("/nope", headers={"Origin": ORIGIN}).status_code == 404


def test_health_answers():
    client = create_app("tasks", register=lambda _: None).test_client()
    assert client.get("/health/liveness").status_code == 204
    assert client.get("/health/readiness").status_code == 204
    assert client.post("/health/readiness").status_code == 405


def test_waiting_for_a_thread_is_part_of_the_time_of_a_request(monkeypatch):
    monkeypatch.setattr(http.clock, "monotonic", lambda: 100.0)
    seen: list[float] = []

    def register(app: flask.Flask) -> None:
        @app.get("/")
        def left() -> flask.Response:
            seen.append(deadline.remaining())
            if not seen[-1]:
                raise RetryLater(code="deadline_exceeded")  # as a transaction does
            return flask.jsonify()

    app = create_app("tasks", register=register)
    for received in (100.0, 99.0, 96.0, 50.0):
        environ = EnvironBuilder(environ_base={http.RECEIVED_AT: received}).get_environ()
        response = serve_request(app, flask.Request(environ))
    assert seen == [http.REQUEST_SECONDS, http.REQUEST_SECONDS - 1, 0.0, 0.0]
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def _framework(app: flask.Flask) -> Client:
    """The way functions-framework calls us: its own application around ours, reading the body afterwards."""
    outer = flask.Flask("framework")

    @outer.route("/", defaults={"path": ""}, methods=["GET", "POST", "PATCH"])
    @outer.route("/<path:path>", methods=["GET", "POST", "PATCH"])
    def run(path: str) -> flask.Response:
        return serve_request(app, flask.request._get_current_object())

    @outer.after_request
    def read_request(response: flask.Response) -> flask.Response:
        flask.request.get_data()
        return response

    return outer.test_client()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"a":1}', 200), (b"{", 400), (b'"' + b"a" * 70_000 + b'"', 413)],
)
def test_inside_the_framework(app, body, status):
    response = _framework(app).post("/v1/echo", data=body, content_type="application/json")
    assert response.status_code == status
    assert json.loads(response.text)


def test_unread_bodies_inside_the_framework(app):
    response = _framework(app).post("/v1/nope", data=b"x" * 200_000)
    assert response.status_code == 404
