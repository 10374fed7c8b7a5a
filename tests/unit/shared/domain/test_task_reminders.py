"""What becomes of reminders under new rules of time, and of a snooze."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.domain.due import Due
from shared.domain.preferences import Preferences
from shared.domain.task import Task
from shared.domain.task_reminders import ReminderRow, moved, planned, snoozed

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
TASK = UUID(int=1)


def utc(text):
    return datetime.fromisoformat(f"2026-06-01T{text}").replace(tzinfo=UTC)


def task(*before, **fields):
    offsets = [{"before_minutes": minutes} for minutes in before]
    made = Task(id=TASK, title="x", created_at=NOW, updated_at=NOW, reminders=offsets, **fields)
    return made.with_due(Due("floating", datetime(2026, 6, 1, 9)), "UTC")


def row(at, state="scheduled", number=7):
    return ReminderRow(UUID(int=number), TASK, None, utc(at), state)


@pytest.mark.parametrize(("offsets", "rows", "zone", "scheduled", "dropped"), [
    ((30,), [row("12:30")], "America/New_York", [], []),  # in place already
    ((30,), [row("12:30")], "America/Los_Angeles", ["15:30"], [7]),
    ((30,), [row("12:30")], "Europe/London", ["07:30"], [7]),  # passed there: at once
    ((30,), [row("12:30", "sent")], "Europe/London", [], []),
    ((30,), [row("12:30", "sent")], "America/Los_Angeles", ["15:30"], []),  # its time comes again
    ((30,), [row("12:30", "cancelled")], "America/New_York", ["12:30"], []),
    ((30,), [], "Europe/London", [], []),  # was past when the task was made
    ((60, 30), [row("12:00", "sent", 6), row("12:30")], "Europe/London", ["07:30"], [7]),
    ((60, 30), [row("12:00", number=6), row("12:30")], "Europe/London", ["07:00", "07:30"], [6, 7]),
])  # fmt: skip
def test_rows_follow_the_instants(offsets, rows, zone, scheduled, dropped):
    plan = moved(task(*offsets), rows, user_zone=zone, now=NOW)
    assert [reminder.remind_at for reminder in plan.scheduled] == [utc(at) for at in scheduled]
    assert [number.int for number in plan.dropped] == dropped
    assert plan.differs is bool(scheduled or dropped)


def test_an_absolute_reminder_does_not_move():
    made = task(30)
    made = Task(**{**vars(made), "reminders": [*made.reminders, {"remind_at": "2026-06-01T14:00:00Z"}]})
    plan = moved(made, [row("12:30"), row("14:00", number=8)], user_zone="Europe/London", now=NOW)
    assert ([r.remind_at for r in plan.scheduled], [i.int for i in plan.dropped]) == ([utc("07:30")], [7])


def test_a_snooze_replaces_a_snooze_only():
    first = snoozed([{"before_minutes": 5}], utc("10:10"))
    assert first == [{"before_minutes": 5}, {"remind_at": "2026-06-01T10:10:00Z", "snoozed": True}]
    assert snoozed(first, utc("10:20"))[1:] == [{"remind_at": "2026-06-01T10:20:00Z", "snoozed": True}]


def test_channels_of_one_instant_are_joined_when_it_is_due():
    made = task(30)
    offsets = [{"before_minutes": 30}, {"before_minutes": 30, "channels": ["in_app"]}]
    [reminder] = planned(Task(**{**vars(made), "reminders": offsets}), user_zone="UTC", now=utc("01:00"))
    chosen = Preferences(channels=["webhook"])
    assert chosen.channels_of(reminder.channels) == ("webhook", "in_app")
    assert chosen.channels_of([]) == ("webhook",)
    assert chosen.channels_of(["in_app"]) == ("in_app",)


def test_preferences_survive_storage():
    made = Preferences.stored("Europe/London", {
        "email": "anna@example.org", "default_reminders": [{"before_minutes": 5}], "channels": ["in_app"],
        "quiet_hours": {"from": "22:00", "to": "07:00"}, "digest_hour": 8, "version": 3})  # fmt: skip
    assert Preferences.stored(made.timezone, made.to_json()) == made
    assert made.quiet_until(utc("03:00")) == utc("06:00")
    assert made.quiet_until(utc("06:00")) is None
    assert made.next_digest(utc("06:00")) == utc("07:00")
    assert Preferences().next_digest(NOW) is None
    assert Preferences.stored("UTC", {}) == Preferences()
