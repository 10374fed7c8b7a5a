"""What tests/answers.py refuses: an answer of `updates` or of the task API that no document describes."""

import json

import pytest

from tests.answers import TASKS, UPDATES

STREAM = "/v1/stream"
PROBLEM = {"type": "about:blank", "title": "t", "status": 401, "detail": "d", "code": "c"}
REFUSED = {
    "Content-Type": "application/problem+json",
    "WWW-Authenticate": "Bearer",
    "X-Request-Id": "r",
    "Retry-After": "1",
}


def refusal(status=401, *, without="", body=PROBLEM, **headers):
    sent = {name: value for name, value in (REFUSED | headers).items() if name != without}
    UPDATES.check("GET", STREAM, status, sent, json.dumps(body).encode())


def test_what_is_described_passes():
    refusal()
    refusal(503)
    opened = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Request-Id": "r",
    }
    UPDATES.check("GET", STREAM, 200, opened, None)
    UPDATES.check("DELETE", STREAM, 405, {**REFUSED, "Allow": "GET"}, json.dumps(PROBLEM).encode())
    UPDATES.check("GET", "/nowhere", 404, REFUSED, json.dumps(PROBLEM).encode())
    TASKS.check_through_gateway(
        "GET", "/v1/tasks", 504, {"Content-Type": "application/problem+json"}, json.dumps(PROBLEM).encode()
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"status": 418}, "not among"),
        ({"status": 405}, "not among"),
        ({"without": "WWW-Authenticate"}, "WWW-Authenticate missing"),
        ({"status": 503, "without": "Retry-After"}, "Retry-After missing"),
        ({"without": "X-Request-Id"}, "X-Request-Id missing"),
        ({"WWW-Authenticate": "Basic"}, "WWW-Authenticate: "),
        ({"Content-Type": "application/json"}, "as application/json"),
        ({"Content-Type": "text/html; charset=utf-8"}, "as text/html"),
        ({"body": {**PROBLEM, "code": None}}, "code"),
        ({"body": {}}, "required"),
    ],
    ids=str,
)
def test_what_is_not_is_refused(wrong, said):
    with pytest.raises(AssertionError, match=said):
        refusal(**wrong)


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/nowhere", 200, {}),
        ("DELETE", STREAM, 405, REFUSED),  # without Allow
        ("GET", "/health/liveness", 204, {"Content-Type": "text/plain"}),
    ],
)
def test_routes_that_are_none_have_few_answers(method, path, status, headers):
    with pytest.raises(AssertionError):
        UPDATES.check(method, path, status, headers, b"")


def test_the_events_of_a_stream_are_named_and_described():
    change = {"id": "019b796d-d600-7162-ae3a-0e8e5719d63c", "version": 1, "change_token": 7}
    UPDATES.check_event(STREAM, "task.updated", json.dumps(change))
    UPDATES.check_event(STREAM, "end", '{"reason":"time_limit"}')
    for name, data in (
        ("task.painted", change),
        ("task.updated", {**change, "title": "x"}),
        ("task.updated", {"id": change["id"]}),
        ("end", {"reason": "bored"}),
    ):
        with pytest.raises(AssertionError):
            UPDATES.check_event(STREAM, name, json.dumps(data))
