"""The client of the end-to-end tests, whose wrong guess would be a green test: against HTTP doubles."""

import json

import pytest
import requests
import responses

from tests.answers import TASKS
from tests.e2e.conftest import FUNCTIONS, Platform, User

TASK = {
    **dict.fromkeys(TASKS.content["components"]["schemas"]["Task"]["properties"]),
    "id": "019b796d-d600-7162-ae3a-0e8e5719d63c",
    "title": "Water the plants",
    "description": "",
    "status": "open",
    "priority": "P4",
    "position": "a0",
    "tags": [],
    "reminders": [],
    "reminder_sent": False,
    "version": 1,
    "created_at": "2026-06-01T07:00:00Z",
    "updated_at": "2026-06-01T07:00:00Z",
}
QUIET = {"sources": {"a": {"lag": 0}}, "triggers": {"b": {"lag": 0}}}


@pytest.fixture
def platform(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.e2e.conftest.reserve", lambda: 8080)  # nothing listens, nothing is started
    return Platform(tmp_path)


@pytest.fixture
def answers():
    with responses.RequestsMock() as made:
        yield made


def _status(platform):
    return f"http://127.0.0.1:{platform.port + 2}/status.json"


@pytest.mark.parametrize(
    ("lags", "settled"),
    [((0, 0), True), ((1, 0), False), ((0, 1), False), ((None, 0), False)],
)
def test_settled_means_that_nothing_is_on_its_way(platform, answers, lags, settled):
    source, trigger = lags
    document = {"sources": {"a": {"lag": source}}, "triggers": {"b": {"lag": trigger}}}
    answers.get(_status(platform), json=document)
    assert platform.settled() is settled


@pytest.mark.parametrize("broken", [{"body": "<html>"}, {"json": {"sources": {}}}])
def test_a_status_page_that_says_nothing_is_not_settled(platform, answers, broken):
    answers.get(_status(platform), **broken)
    with pytest.raises((ValueError, KeyError)):
        platform.settled()


def test_to_zero_means_every_function(platform, answers):
    pressed = [
        answers.post(f"http://127.0.0.1:{platform.port + 2}/scale-to-zero/{name}", status=204)
        for name in FUNCTIONS
    ]
    late = {"services": {name: {"state": "zero"} for name in FUNCTIONS} | {"audit": {"state": "draining"}}}
    answers.get(_status(platform), json=QUIET | late)
    answers.get(_status(platform), json=QUIET | {"services": {name: {"state": "zero"} for name in FUNCTIONS}})
    answers.get(_status(platform), json=QUIET)
    platform.all_to_zero()
    assert [each.call_count for each in pressed] == [2] * len(FUNCTIONS)


def test_a_user_says_who_it_is_and_what_it_wants(platform, answers):
    answers.post(
        f"{platform.url}/v1/tasks",
        status=201,
        json=TASK,
        headers={"ETag": '"1"', "Location": "/v1/tasks/1", "X-Request-Id": "r"},
        match=[
            responses.matchers.header_matcher({"Authorization": "Bearer t0ken"}),
            responses.matchers.json_params_matcher({"title": "Water the plants", "priority": "high"}),
        ],
    )
    assert User(platform, "ann", "t0ken").create(priority="high") == TASK


@pytest.mark.parametrize("headers", [{"X-Request-Id": "r"}, {}], ids=["of the function", "of the gateway"])
@pytest.mark.parametrize("status", [401, 422, 503])
def test_a_refusal_is_never_taken_for_a_task(platform, answers, status, headers):
    problem = {"type": "about:blank", "title": "t", "status": status, "code": "c", "detail": "no such luck"}
    answers.post(
        f"{platform.url}/v1/tasks", status=status, headers=headers,
        body=json.dumps(problem), content_type="application/problem+json",
    )  # fmt: skip
    with pytest.raises(AssertionError, match="no such luck"):
        User(platform, "ann", "t0ken").create()


@pytest.mark.parametrize("status", [200, 201, 401, 500, 502])
def test_an_answer_that_is_in_no_document_fails_the_test_that_asked(platform, answers, status):
    answers.post(f"{platform.url}/v1/tasks", status=status, json={"detail": "x"})
    with pytest.raises(AssertionError, match=r"/v1/tasks"):
        User(platform, "ann", "t0ken")("POST", "/v1/tasks", {"title": "x"})


def test_an_answer_that_breaks_off_is_no_empty_list(platform, answers):
    answers.get(f"{platform.url}/v1/tasks", body=requests.ConnectionError("reset"))
    with pytest.raises(requests.ConnectionError):
        User(platform, "ann", "t0ken").items("/v1/tasks")
