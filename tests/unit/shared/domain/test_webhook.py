"""What an endpoint asks for and the message it gets."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import webhook
from shared.domain.errors import Invalid
from shared.events.catalog import EVENTS
from shared.events.task import TaskChanged

NOW = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)
COMPLETED, DUE = "io.taskflow.task.completed.v1", "io.taskflow.reminder.due.v1"


@pytest.mark.parametrize(
    ("patterns", "event_type", "expected"),
    [
        (("task.completed",), COMPLETED, True),
        (("task.*",), COMPLETED, True),
        (("*",), COMPLETED, True),
        (("task.created", "reminder.due"), DUE, True),
        (("series.*",), COMPLETED, False),
        (("task.complete",), COMPLETED, False),
        (("task",), COMPLETED, False),
        ((), COMPLETED, False),
        (("*",), TaskChanged.type, False),
        (("task.*",), TaskChanged.type, False),
        (("*",), "com.example.task.completed.v1", False),
    ],
)
def test_patterns(patterns, event_type, expected):
    assert webhook.matches(patterns, event_type) is expected


def test_every_event_but_the_hint_can_be_asked_for():
    assert {webhook.short_name(t) for t in EVENTS} - {"task.changed"} == webhook.subscribable()


def test_patterns_are_checked_and_distinct():
    assert webhook.check_patterns(["task.*", "reminder.due", "task.*"]) == ("task.*", "reminder.due")
    for wrong in ([], "task.*", None, ["task.changed"], ["nope"], [1], [["task.*"]], ["task.*"] * 21):
        with pytest.raises(Invalid) as caught:
            webhook.check_patterns(wrong)
        assert caught.value.errors[0].field == "events"


# standard-webhooks/standard-webhooks: the vector of the specification's reference libraries
# (libraries/python/tests/test_webhooks.py and its siblings in other languages).
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_ID, VECTOR_TIMESTAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector():
    signature = webhook.sign([VECTOR_SECRET], VECTOR_BODY, message_id=VECTOR_ID, timestamp=VECTOR_TIMESTAMP)
    assert signature == VECTOR_SIGNATURE


def test_two_secrets_make_two_signatures_while_one_is_replaced():
    other = webhook.format_secret(bytes(range(32)))
    both = webhook.sign([other, VECTOR_SECRET], VECTOR_BODY, message_id=VECTOR_ID, timestamp=VECTOR_TIMESTAMP)
    assert both.split(" ")[1] == VECTOR_SIGNATURE
    assert len(both.split(" ")) == 2


def test_a_secret_is_whsec_and_base64():
    key = bytes(range(32))
    secret = webhook.format_secret(key)
    assert secret == "whsec_" + base64.b64encode(key).decode()
    assert webhook.parse_secret(secret) == key
    with pytest.raises(ValueError, match="whsec_") as caught:
        webhook.parse_secret("whsec_!!canary!!")
    assert "canary" not in str(caught.value)


def test_the_timestamp_is_the_attempts_and_the_id_stays():
    first = webhook.headers([VECTOR_SECRET], b"{}", message_id="m", sent_at=NOW)
    later = webhook.headers([VECTOR_SECRET], b"{}", message_id="m", sent_at=NOW.replace(hour=9))
    assert first["webhook-id"] == later["webhook-id"] == "m"
    assert first["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert first["webhook-signature"] != later["webhook-signature"]


def test_the_body_is_type_timestamp_data():
    body = json.loads(webhook.payload(DUE, occurred_at=NOW, data={"title": "Grüße", "channels": ["in_app"]}))
    assert body == {
        "type": "reminder.due",
        "timestamp": "2026-06-01T07:00:00Z",
        "data": {"title": "Grüße", "channels": ["in_app"]},
    }


def test_a_body_above_20_kb_loses_its_changes_but_not_its_ids():
    changes = {f"f{n}": {"from": "ä" * 500, "to": "b" * 500} for n in range(30)}
    text = webhook.payload(COMPLETED, occurred_at=NOW, data={"task_id": "t", "changes": changes})
    assert len(text.encode()) < 20_000
    assert json.loads(text)["data"] == {"task_id": "t", "truncated": True}


def test_a_replaced_secret_signs_for_one_more_day():
    rotated = webhook.Secrets("whsec_a").rotated("whsec_b", now=NOW)
    assert rotated.valid(NOW) == ["whsec_b", "whsec_a"]
    assert rotated.valid(NOW + timedelta(days=1)) == ["whsec_b"]
    assert webhook.Secrets.from_json(rotated.to_json()) == rotated
    assert webhook.Secrets.from_json(webhook.Secrets("whsec_a").to_json()).valid(NOW) == ["whsec_a"]
