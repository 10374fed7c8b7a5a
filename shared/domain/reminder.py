"""Turns a reminder as the user wrote it ("30 minutes before") into an instant for one due. Pure.
Called by `task_reminders`, when a task is written, shown, or gets its next occurrence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.domain.zones import resolve, start_of_day

__all__ = ["AbsoluteReminder", "DaysBefore", "MinutesBefore", "Offset", "remind_at"]


@dataclass(frozen=True, slots=True)
class MinutesBefore:
    """Exact elapsed minutes before the due instant (RFC 5545 PT24H, RELATED=END)."""

    minutes: int

    def __post_init__(self) -> None:
        if self.minutes < 0:
            raise ValueError("a reminder cannot come after the due: minutes must be 0 or more")


@dataclass(frozen=True, slots=True)
class DaysBefore:
    """Nominal days before the due day (RFC 5545 P1D), at a local time or, without one, at the due's own."""

    days: int
    at: time | None = None

    def __post_init__(self) -> None:
        if self.days < 0:
            raise ValueError("a reminder cannot come after the due: days must be 0 or more")


@dataclass(frozen=True, slots=True)
class AbsoluteReminder:
    """A fixed instant (aware)."""

    instant: datetime

    def __post_init__(self) -> None:
        if self.instant.tzinfo is None:
            raise ValueError("an absolute reminder needs an offset, such as 2026-06-01T08:00:00Z")


Offset = MinutesBefore | DaysBefore | AbsoluteReminder


def remind_at(offset: Offset, due_wall: date | datetime, tz: str | None, user_zone: str) -> datetime:
    """The UTC instant of a reminder for a due at `due_wall` in the zone `tz`, or in the user's zone if None.

    An all-day due (a date) counts from 00:00 local.

    >>> remind_at(MinutesBefore(30), datetime.fromisoformat("2026-06-01T08:00"), "Europe/London", "UTC")
    datetime.datetime(2026, 6, 1, 6, 30, tzinfo=datetime.timezone.utc)
    >>> remind_at(DaysBefore(1, at=time(9)), date(2026, 6, 1), None, user_zone="Europe/London")
    datetime.datetime(2026, 5, 31, 8, 0, tzinfo=datetime.timezone.utc)
    """
    if isinstance(offset, AbsoluteReminder):
        return offset.instant.astimezone(UTC)
    where = tz or user_zone
    if isinstance(offset, MinutesBefore):
        due = resolve(due_wall, where) if isinstance(due_wall, datetime) else start_of_day(due_wall, where)
        return due - timedelta(minutes=offset.minutes)
    midnight_or_due = due_wall if isinstance(due_wall, datetime) else datetime.combine(due_wall, time())
    wall = midnight_or_due - timedelta(days=offset.days)
    if offset.at is not None:
        wall = datetime.combine(wall.date(), offset.at)
    elif not isinstance(due_wall, datetime):
        return start_of_day(wall.date(), where)
    return resolve(wall, where)
