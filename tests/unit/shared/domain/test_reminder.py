"""Reminders: exact minutes, nominal days, absolute instants; the vectors of specification C."""

from datetime import UTC, date, datetime, time

import pytest

from shared.domain.reminder import AbsoluteReminder, DaysBefore, MinutesBefore, remind_at

NY = "America/New_York"
DUE = datetime(2026, 3, 8, 9)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("offset", "due", "tz", "expected"), [
    (DaysBefore(1), DUE, NY, "2026-03-07T14:00"),
    (MinutesBefore(24 * 60), DUE, NY, "2026-03-07T13:00"),
    (DaysBefore(1), datetime(2026, 3, 9, 2, 30), NY, "2026-03-08T07:30"),
    (DaysBefore(0, time(7)), DUE, NY, "2026-03-08T11:00"),
    (DaysBefore(2, time(18, 30)), DUE, NY, "2026-03-06T23:30"),
    (MinutesBefore(0), DUE, NY, "2026-03-08T13:00"),
    (MinutesBefore(30), DUE, None, "2026-03-08T08:30"),  # floating: the user's zone
    (AbsoluteReminder(utc("2026-03-01T05:00")), DUE, NY, "2026-03-01T05:00"),
    # all-day: from the local start of the day
    (MinutesBefore(60), date(2026, 3, 8), NY, "2026-03-08T04:00"),
    (DaysBefore(1, time(9)), date(2026, 3, 9), NY, "2026-03-08T13:00"),
    (DaysBefore(1), date(2026, 3, 9), NY, "2026-03-08T05:00"),
    (MinutesBefore(0), date(2026, 9, 6), "America/Santiago", "2026-09-06T04:00"),
])  # fmt: skip
def test_reminder_vector(offset, due, tz, expected):
    assert remind_at(offset, due, tz, "Europe/London") == utc(expected)


def test_impossible_reminders_are_refused():
    for make in (
        lambda: MinutesBefore(-1),
        lambda: DaysBefore(-1),
        lambda: AbsoluteReminder(datetime(2026, 1, 1)),
    ):
        with pytest.raises(ValueError, match="reminder"):
            make()
