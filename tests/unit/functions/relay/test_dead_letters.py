"""What the dispatcher's extensions say about a dead letter."""

import base64

import pytest

from functions.relay.dead_letters import consumer_of, error_text, letter_of, problem_code, unreadable
from shared.messaging.cloudevent import CloudEvent


@pytest.mark.parametrize(
    ("extensions", "consumer"),
    [
        ({"function": "audit"}, "audit"),
        ({"function": "audit", "knativeerrordest": "http://other.ns"}, "audit"),
        ({"knativeerrordest": "http://recurrence.todo-app.svc.cluster.local/x"}, "recurrence"),
        ({"knativeerrordest": "http://updates:8080"}, "updates"),
        ({"function": "A B", "knativeerrordest": "not a url"}, "unknown"),
        ({"knativeerrordest": "http://[::"}, "unknown"),
        ({"function": "x" * 64}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_who_failed(extensions, consumer):
    assert consumer_of(extensions) == consumer


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, None),
        ("", None),
        (base64.b64encode("größer".encode()).decode(), "größer"),
        (base64.b64encode(b"\xff\xfe").decode(), "\ufffd\ufffd"),
        ("plain, as other dispatchers write it", "plain, as other dispatchers write it"),
        (base64.b64encode(b"x" * 5000).decode(), "x" * 1024),
    ],
)
def test_the_answer_of_the_function(data, text):
    assert error_text(data) == text


@pytest.mark.parametrize(
    ("detail", "code"),
    [('{"code":"invalid"}', "invalid"), ('{"code":5}', None), ("[]", None), ("{cut off", None), (None, None)],
)
def test_the_code_of_the_problem(detail, code):
    assert problem_code(detail) == code


def test_an_event_of_somebody_else_has_no_topic_and_no_user():
    letter = letter_of(CloudEvent(id="1", source="/s", type="com.example.x", data=[1]))
    assert (letter.topic, letter.user_id, letter.status, letter.code) == (None, "", None, None)


def test_what_cannot_be_read_is_identified_by_its_bytes():
    headers = {"Ce-Id": "1", "Authorization": "Bearer secret"}
    one, same, other = (unreadable(headers, body, reason="r") for body in (b"a", b"a", b"b"))
    assert one.id == same.id != other.id
    assert "secret" not in str(one)
