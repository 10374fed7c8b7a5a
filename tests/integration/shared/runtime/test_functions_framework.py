"""Plain functions-framework (gunicorn) serves the same functions: the adapter does not need our runner."""

import json

import pytest

from tests.integration.shared.runtime.conftest import FRAMEWORK

TICK = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/ping", "ce-type": "dev.knative.sources.ping"}


def test_http(start):
    process = start("hello", command=FRAMEWORK)
    status, headers, body = process.request("GET", "/")
    assert (status, json.loads(body)) == (200, {"hello": "world"})
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert process.request("GET", "/health/readiness")[0] == 204
    assert process.request("GET", "/nope")[0] == 404
    status, headers, _ = process.request("DELETE", "/echo")
    assert (status, "POST" in headers["Allow"]) == (405, True)
    assert process.terminate() == 0


@pytest.mark.parametrize("size", [70_000, 140_000])
def test_bodies_above_the_limit(start, size):
    process = start("hello", command=FRAMEWORK)
    headers = {"Content-Type": "application/json"}
    status, _, body = process.request("POST", "/echo", b" " * size, headers)
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")
    chunked = process.request("POST", "/echo", iter([b" " * 1000] * (size // 1000)), headers)  # type: ignore[arg-type]  # chunks
    assert chunked[0] == 413
    assert process.request("GET", "/")[0] == 200


def test_events(start):
    process = start("events", command=FRAMEWORK, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert process.request("GET", "/health/readiness")[0] == 204
    assert process.request("POST", "/", b"", TICK)[:1] == (204,)
    status, headers, body = process.request("POST", "/", b"{}", TICK | {"ce-type": "dev.knative.kafka.event"})
    assert (status, headers["Kne-Errorclass"], json.loads(body)["status"]) == (422, "permanent", 422)
    assert process.terminate() == 0


def test_asgi(start):
    process = start("streams", command=FRAMEWORK)
    assert process.request("GET", "/")[0] == 204


def test_stop_callbacks_run(start, tmp_path):
    marker = tmp_path / "flushed"
    process = start("flushing", command=FRAMEWORK, MARKER=str(marker))
    process.request("POST", "/")
    assert process.terminate() == 0
    assert marker.read_text() == "flushed"
