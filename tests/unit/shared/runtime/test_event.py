"""The event adapter without a database: routing, verdicts, ticks. With one: tests/integration."""

import json

import flask
import pytest

from shared.db.store.inbox import EventInProgress
from shared.domain.errors import (
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
from shared.messaging.strict_json import InvalidJson
from shared.runtime import deadline, event
from shared.runtime.keys import KeySourceUnreachable

TICK = {
    "ce-specversion": "1.0",
    "ce-id": "tick-1",
    "ce-source": "/apis/v1/namespaces/todo-app/pingsources/tick",
    "ce-type": "dev.knative.sources.ping",
}
EVENT = TICK | {"ce-type": "io.taskflow.task.created.v1", "content-type": "application/json"}


def _client(**parts):
    view = event.function("example", **parts)
    app = flask.Flask("framework")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "HEAD", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "HEAD", "DELETE"])
    def run(path):
        return view(flask.request._get_current_object())

    @app.after_request
    def read_request(response):
        flask.request.get_data()
        return response

    return app.test_client()


def _raise(error):
    raise error


def test_health():
    client = _client()
    assert client.get("/health/liveness").status_code == 204
    assert client.get("/health/readiness").status_code == 204
    assert client.post("/health/liveness").status_code == 405


def test_everything_else_is_a_problem():
    client = _client()
    response = client.get("/")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert client.get("/nope").status_code == 404
    assert client.put("/").content_type == "application/problem+json"


def test_ticks_run_within_their_budget():
    left: list[float] = []
    client = _client(on_tick=event.tick("example", lambda: left.append(deadline.remaining())))
    response = client.post("/", headers=TICK)
    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers
    assert 0 < left[0] <= event.TICK_SECONDS


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RetryLater(delay=3), 503, "transient"),
        (KeyError("canary"), 500, "bug"),
        (Invalid(), 422, "permanent"),
    ],
)
def test_failing_ticks(error, status, kind):
    response = _client(on_tick=event.tick("example", lambda: _raise(error))).post("/", headers=TICK)
    assert (response.status_code, response.headers["Kne-Errorclass"]) == (status, kind)
    assert response.headers["Kne-Function"] == "example"
    assert "canary" not in response.text


def test_what_a_function_does_not_handle_is_permanent():
    assert _client().post("/", headers=TICK).status_code == 422
    assert _client().post("/", headers=EVENT, data=b"{}").get_json()["code"] == "unexpected_event_type"


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"", 400, "invalid_cloudevent"),
        (EVENT | {"ce-id": ""}, b"{}", 400, "invalid_cloudevent"),
        (EVENT, b"{", 400, "invalid_json"),
        (EVENT, b"[" * 100_000, 400, "invalid_json"),
        ({"content-type": "application/cloudevents-batch+json"}, b"[]", 415, "unsupported_media_type"),
        (EVENT, b'"' + b"a" * 1_048_576 + b'"', 422, "body_too_large"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/any/where"])
def test_what_cannot_be_decoded_goes_to_the_dead_letters(headers, body, status, code, path):
    response = _client().post(path, headers=headers, data=body)
    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert response.headers["Kne-Errorclass"] == "permanent"


def test_events_reach_their_view_on_any_path_and_in_both_modes():
    seen: list[str] = []

    def view(request):
        seen.append(event._decode(request).id)
        return flask.Response(status=204)

    client = _client(on_event=view)
    assert client.post("/", headers=EVENT, data=b"{}").status_code == 204
    assert client.post("/x", headers=EVENT, data=b"{}").status_code == 204
    document = {"specversion": "1.0", "id": "s", "source": "/s", "type": "t"}
    headers = {"content-type": "application/cloudevents+json"}
    assert client.post("/", headers=headers, data=json.dumps(document)).status_code == 204
    assert seen == ["tick-1", "tick-1", "s"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid(), 422),
        (InvalidJson(), 400),
        (InvalidCloudEvent(), 400),
        (UnsupportedEncoding(), 415),
        (Unauthenticated(), 401),
        (KeySourceUnreachable(), 503),
        (Forbidden(), 422),
        (NotFound(), 422),
        (Conflict(), 422),
        (PreconditionFailed(), 422),
        (LimitExceeded(), 422),
        (LimitExceeded(too_large=True), 422),
        (RetryLater(), 503),
        (EventInProgress(), 409),
    ],
)
def test_the_verdict_table(error, status):
    response = event.verdict("example", error, instance="e1")
    assert response.status_code == status
    assert response.headers["Kne-Errorclass"] == ("transient" if status in (409, 503) else "permanent")
    assert ("Retry-After" in response.headers) == (status in (409, 503))
    assert json.loads(response.data)["instance"] == "e1"


def test_outside_of_a_deadline_there_is_time():
    assert deadline.remaining(7.0) == 7.0
    with deadline.within(0):
        assert deadline.remaining() == 0
