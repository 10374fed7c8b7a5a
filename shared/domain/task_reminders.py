"""The reminders of a task: the offsets that it stores, as instants. Pure.

Called when a task is written (`repositories.reminders`) and when it is shown (`api.view`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Literal
from uuid import UUID

from shared.domain.due import Due
from shared.domain.reminder import AbsoluteReminder, DaysBefore, MinutesBefore, Offset, remind_at
from shared.domain.task import Task

State = Literal["scheduled", "sent", "cancelled", "passed"]
DEFAULT_CHANNELS = ("in_app", "webhook")


@dataclass(frozen=True)
class ReminderRow:
    """One row of `reminders`, as far as it is shown."""

    id: UUID
    task_id: UUID
    occurrence_key: str | None
    remind_at: datetime
    state: State


@dataclass(frozen=True)
class Planned:
    """A reminder to schedule."""

    remind_at: datetime
    channels: tuple[str, ...]


def instant_of(offset: Mapping[str, Any], due: Due | None, user_zone: str) -> datetime | None:
    """The instant (UTC) of a stored offset; None for one relative to a due that is not there."""
    parsed = _parse(offset)
    if isinstance(parsed, AbsoluteReminder):
        return parsed.instant.astimezone(UTC)
    if due is None:
        return None
    return remind_at(parsed, due.value(), due.zone(user_zone), user_zone)


def planned(task: Task, *, user_zone: str, now: datetime) -> list[Planned]:
    """What is still to come, earliest first; offsets that meet in one instant are one reminder on all
    their channels. A task that is not open has none, and a past one is never made up for.
    """
    if task.status != "open" or task.deleted_at is not None:
        return []
    channels: dict[datetime, list[str]] = {}
    for offset in task.reminders:
        at = instant_of(offset, task.due, user_zone)
        if at is not None and at > now:
            channels.setdefault(at, []).extend(offset.get("channels") or DEFAULT_CHANNELS)
    return [Planned(at, _unique(channels[at])) for at in sorted(channels)]


def _parse(offset: Mapping[str, Any]) -> Offset:
    if "before_minutes" in offset:
        return MinutesBefore(offset["before_minutes"])
    if "days_before" in offset:
        return DaysBefore(offset["days_before"], time.fromisoformat(offset["at"]))
    return AbsoluteReminder(datetime.fromisoformat(offset["remind_at"]))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
