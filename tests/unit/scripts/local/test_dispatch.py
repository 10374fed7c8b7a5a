"""The delivery decisions against the table of the Kafka data plane."""

import base64

import pytest

from scripts.local.dispatch import (
    Answer,
    Delivered,
    NoAnswer,
    Policy,
    Retry,
    Undeliverable,
    dead_letter,
    decide,
)
from scripts.local.events import CloudEvent

POLICY = Policy(retry=3, backoff="exponential", delay=0.5, timeout=30)
EVENT = CloudEvent({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}, b"{}")
REPLY = (("ce-specversion", "1.0"), ("ce-id", "r"), ("ce-source", "/r"), ("ce-type", "reply"))


def decision(outcome, attempt=1, *, replies=False):
    return decide(outcome, attempt, policy=POLICY, replies=replies)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_success(status):
    assert decision(Answer(status)) == Delivered()


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 501, 502, 503, 504, 599])
def test_these_are_retried(status):
    assert isinstance(decision(Answer(status)), Retry)


@pytest.mark.parametrize(
    "status", [300, 301, 307, 400, 401, 403, 405, 406, 410, 412, 413, 415, 422, 425, 499]
)
def test_these_go_to_the_dead_letters_at_once(status):
    assert isinstance(decision(Answer(status)), Undeliverable)


def test_no_answer_is_retried():
    assert isinstance(decision(NoAnswer("refused")), Retry)


def test_waits_double_from_twice_the_delay_on_and_end_after_the_retries():
    waits = [decision(Answer(503), attempt) for attempt in (1, 2, 3, 4)]
    assert [item.after for item in waits[:3] if isinstance(item, Retry)] == [1.0, 2.0, 4.0]
    assert isinstance(waits[3], Undeliverable)


def test_linear_waits_grow_by_the_delay():
    linear = Policy(retry=3, backoff="linear", delay=0.5, timeout=30)
    assert [linear.wait(n) for n in (1, 2, 3)] == [0.5, 1.0, 1.5]


def test_no_retry_means_none():
    once = Policy(retry=0, backoff="exponential", delay=0.5, timeout=30)
    assert isinstance(decide(Answer(503), 1, policy=once, replies=False), Undeliverable)


def test_a_sources_answer_body_is_discarded():
    assert decision(Answer(200, (("content-type", "text/html"),), b"OK")) == Delivered()
    assert decision(Answer(200, REPLY, b"{}")) == Delivered()


def test_behind_a_trigger_a_body_that_is_no_event_is_a_failure_without_retry():
    assert isinstance(
        decision(Answer(200, (("content-type", "text/html"),), b"OK"), replies=True), Undeliverable
    )
    assert decision(Answer(200), replies=True) == Delivered()


def test_behind_a_trigger_an_event_is_a_reply():
    got = decision(Answer(200, (*REPLY, ("content-type", "application/json")), b"{}"), replies=True)
    assert isinstance(got, Delivered)
    assert got.reply is not None
    assert got.reply["type"] == "reply"
    headers_only = decision(Answer(200, REPLY), replies=True)
    assert isinstance(headers_only, Delivered)
    assert headers_only.reply is not None


def test_behind_a_trigger_a_malformed_event_fails():
    broken = (("ce-specversion", "1.0"), ("ce-id", "r"))
    assert isinstance(decision(Answer(200, broken, b"x"), replies=True), Undeliverable)


def test_a_dead_letter_says_where_and_why():
    answer = Answer(422, (("kne-errorclass", "invalid"), ("kne-bad-name", "x"), ("kne-id", "2")), b"x" * 2000)
    letter = dead_letter(EVENT, "http://audit.todo-app.svc.cluster.local/", answer)
    assert letter["knativeerrordest"] == "http://audit.todo-app.svc.cluster.local/"
    assert letter["knativeerrorcode"] == "422"
    assert base64.b64decode(letter["knativeerrordata"]) == b"x" * 1024
    assert letter["errorclass"] == "invalid"
    assert letter["id"] == "1"
    assert "bad-name" not in letter.attributes
    assert letter.data == EVENT.data


def test_without_an_answer_only_the_destination_is_known():
    letter = dead_letter(EVENT, "http://x/", NoAnswer("refused"))
    added = set(letter.attributes) - set(EVENT.attributes)
    assert added == {"knativeerrordest"}
