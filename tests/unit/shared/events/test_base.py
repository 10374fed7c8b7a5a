"""The envelope of our events: plain JSON, bounded values, extensions for the filters."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from shared.events.base import Event, bounded, changes_between, plain
from shared.events.catalog import EVENTS, TOPICS, consumers
from shared.events.task import TaskCompleted, TaskCreated

ID = UUID("01926f00-0000-7000-8000-000000000001")
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
GOOD = {"event_id": ID, "user_id": "u", "task_id": ID, "task_version": 1, "occurred_at": AT}
ACTOR = {"kind": "user", "id": "u"}


def test_values_become_json():
    assert plain(AT) == "2026-01-01T12:00:00Z"
    assert plain(AT.astimezone(timezone(timedelta(hours=2)))) == "2026-01-01T12:00:00Z"
    assert plain(datetime(2026, 1, 1, 12)) == "2026-01-01T12:00:00"
    assert plain({"a": (date(2026, 1, 1), ID, None, 1.5, True)}) == {
        "a": ["2026-01-01", str(ID), None, 1.5, True]
    }


def test_data_holds_everything_but_the_extensions():
    event = TaskCompleted(**GOOD, actor=ACTOR, recurring=True, due="2026-01-01")
    data = json.loads(json.dumps(event.data()))
    assert data["event_type"] == "io.taskflow.task.completed.v1"
    assert (data["schema_version"], data["event_id"], data["due"]) == (1, str(ID), "2026-01-01")
    assert "recurring" not in data
    assert event.extensions() == {"recurring": "true"}
    assert TaskCreated(**GOOD, actor=ACTOR).extensions() == {}


def test_long_values_become_digests():
    assert bounded("x" * 1022) == "x" * 1022  # with its quotes 1,024 bytes
    text = "ü" * 600
    encoded = json.dumps(text, ensure_ascii=False).encode()
    digest = hashlib.sha256(encoded).hexdigest()
    assert bounded(text) == {"sha256": digest, "length": len(encoded), "truncated": True}


def test_changes_are_what_differs():
    before, after = {"title": "a", "due": None, "gone": 1}, {"title": "b", "due": None, "new": [1]}
    assert changes_between(before, after) == {
        "title": {"from": "a", "to": "b"},
        "gone": {"from": 1, "to": None},
        "new": {"from": None, "to": [1]},
    }


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.type)
def test_names_follow_the_rule(event: type[Event]):
    subject, action, version = event.type.removeprefix("io.taskflow.").split(".")
    assert subject.isalpha()
    assert action.isalpha()
    assert version == "v1"
    assert event.topic in TOPICS


@pytest.mark.parametrize(
    ("kind", "extensions", "expected"),
    [
        ("io.taskflow.task.created.v1", set(), ("audit",)),
        ("io.taskflow.task.completed.v1", set(), ("audit",)),
        ("io.taskflow.task.completed.v1", {"recurring"}, ("audit", "recurrence")),
        ("io.taskflow.task.skipped.v1", {"recurring", "webhooks"}, ("audit", "recurrence", "notifications")),
        ("io.taskflow.task.updated.v1", {"recurring", "webhooks"}, ("audit", "notifications")),
        ("io.taskflow.reminder.due.v1", {"webhooks"}, ("notifications",)),
        ("io.taskflow.task.changed.v1", set(), ()),
        ("io.taskflow.task.created.v9", set(), ()),
    ],
)
def test_who_consumes_what(kind, extensions, expected):
    assert consumers(kind, extensions) == expected
