"""Who may open a stream, and how everything else is answered."""

import json

import pytest

ORIGIN = "https://todo.example"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer nonsense", "Basic dXNlcjpwdw==", "token"]
)
def test_no_stream_without_a_valid_token(server, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    response, text = server.ask("GET", "/v1/stream", **headers)
    assert response.status == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert json.loads(text)["code"] == "unauthenticated"
    assert json.loads(text)["instance"] == response.headers["X-Request-Id"]


def test_a_token_in_the_url_is_no_token(server, user_id):
    assert server.ask("GET", f"/v1/stream?access_token={server.issuer.token(user_id)}")[0].status == 401


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "9" * 30, "1 2"])
def test_a_token_that_is_none_is_refused(server, user_id, value):
    bearer = f"Bearer {server.issuer.token(user_id)}"
    response, text = server.ask("GET", "/v1/stream", Authorization=bearer, Last_Event_ID=value)
    assert (response.status, json.loads(text)["errors"][0]["field"]) == (400, "Last-Event-ID")


def test_the_headers_of_a_stream(server, user_id):
    client = server.stream(user_id, Origin=ORIGIN, X_Request_Id="r-1")
    headers = client.response.headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["X-Request-Id"] == "r-1"


def test_a_preflight_needs_no_token(server):
    response, _ = server.ask("OPTIONS", "/v1/stream", Origin=ORIGIN, Access_Control_Request_Method="GET")
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Last-Event-ID" in response.headers["Access-Control-Allow-Headers"]


def test_another_origin_is_not_allowed(server):
    response, _ = server.ask("OPTIONS", "/v1/stream", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/health/liveness", 204, None),
        ("GET", "/health/readiness", 204, None),
        ("GET", "/", 405, "POST"),
        ("PUT", "/v1/stream", 405, "GET"),
        ("POST", "/v1/stream", 405, "GET"),
        ("DELETE", "/health/liveness", 405, "GET"),
        ("GET", "/v1/tasks", 404, None),
        ("GET", "/docs", 404, None),
    ],
)
def test_other_routes(server, method, path, status, allow):
    response, _ = server.ask(method, path)
    assert (response.status, response.headers["Allow"]) == (status, allow)
