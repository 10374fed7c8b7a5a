"""What the fields of a body mean for a task."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from functions.tasks.tasks.fields import apply, new_task
from shared.domain.errors import Invalid

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ID = UUID(int=1)


def task(**given):
    return new_task({"title": "Water the plants"} | given, task_id=ID, now=NOW, user_zone="Europe/London")


def patched(before, **given):
    return apply(before, given, user_zone="Europe/London")


@pytest.mark.parametrize(
    ("given", "due", "timezone", "due_at"),
    [
        ({"due": "2026-06-01"}, "2026-06-01", None, None),
        ({"due": "2026-06-01T08:00"}, "2026-06-01T08:00", None, "2026-06-01T07:00"),
        ({"due": "2026-06-01T08:00:30"}, "2026-06-01T08:00:30", None, "2026-06-01T07:00:30"),
        (
            {"due": "2026-06-01T08:00", "timezone": "America/New_York"},
            "2026-06-01T08:00",
            "America/New_York",
            "2026-06-01T12:00",
        ),
        ({"due": "2026-06-01T08:00Z"}, "2026-06-01T08:00Z", None, "2026-06-01T08:00"),
        ({"due_at": "2026-06-01T08:00+02:00"}, "2026-06-01T06:00Z", None, "2026-06-01T06:00"),
        (
            {"due_at": "2026-06-01T07:00Z", "timezone": "Europe/London"},
            "2026-06-01T08:00",
            "Europe/London",
            "2026-06-01T07:00",
        ),
    ],
)
def test_the_forms_of_a_due(given, due, timezone, due_at):
    created = task(**given)
    assert created.due is not None
    assert created.due.text() == due
    assert created.timezone == timezone
    expected = datetime.fromisoformat(due_at).replace(tzinfo=UTC) if due_at else None
    assert created.due_at == expected


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"due": "tomorrow"}, "due", "invalid_due"),
        ({"due": "2026-02-30"}, "due", "invalid_due"),
        ({"due": "1969-12-31"}, "due", "invalid_due"),
        ({"due": "2026-06-01T25:00"}, "due", "invalid_due"),
        ({"due_at": "2026-06-01T08:00+99:00"}, "due_at", "invalid_due"),
        ({"due": "2026-06-01", "due_at": "2026-06-01T08:00Z"}, "due_at", "due_conflict"),
        ({"due": "2026-06-01", "timezone": "Mars/Olympus"}, "timezone", "unknown_timezone"),
        ({"remind_before_minutes": 30}, "remind_before_minutes", "reminder_needs_due"),
        (
            {"due": "2026-06-01", "remind_before_minutes": 5, "reminders": [{"before_minutes": 6}]},
            "reminders",
            "reminder_conflict",
        ),
    ],
)
def test_bad_fields_are_named(given, field, code):
    with pytest.raises(Invalid) as caught:
        task(**given)
    assert (caught.value.errors[0].field, caught.value.errors[0].code) == (field, code)


def test_absent_keeps_and_null_clears():
    before = task(description="daily", tags=["home"], due="2026-06-01T08:00", timezone="Europe/London")
    assert patched(before, priority="P1").description == "daily"
    cleared = patched(before, description=None, tags=None, due=None)
    assert (cleared.description, cleared.tags, cleared.due, cleared.due_at) == ("", [], None, None)


def test_a_local_due_keeps_the_zone_of_the_task():
    before = task(due="2026-06-01T08:00", timezone="America/New_York")
    moved = patched(before, due="2026-06-02T09:00")
    assert moved.due_at == datetime(2026, 6, 2, 13, tzinfo=UTC)


def test_clearing_the_zone_makes_a_due_float():
    before = task(due="2026-06-01T08:00", timezone="America/New_York")
    floating = patched(before, timezone=None)
    assert floating.due_kind == "floating"
    assert floating.due_at == datetime(2026, 6, 1, 7, tzinfo=UTC)


def test_the_shorthand_replaces_all_reminders():
    before = task(due="2026-06-01T08:00", reminders=[{"before_minutes": 5}, {"before_minutes": 10}])
    assert patched(before, remind_before_minutes=30).reminders == [{"before_minutes": 30}]
    assert patched(before, remind_before_minutes=None).reminders == []
