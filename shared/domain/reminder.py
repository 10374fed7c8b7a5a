"""When to remind of a due: offsets as the user means them, turned into instants for one occurrence.
Called when a task is written and when its next occurrence is created; nothing here advances by itself.
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
    """The UTC instant of a reminder; an all-day due counts from 00:00 local, a floating one is the user's."""
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
