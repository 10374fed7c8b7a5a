"""The reminders of a task: the offsets that it stores, as instants. Pure.

Called when a task is written (`repositories.reminders`) and when it is shown (`api.view`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Literal
from uuid import UUID

from shared.domain.due import Due
from shared.domain.preferences import CHOSEN
from shared.domain.reminder import AbsoluteReminder, DaysBefore, MinutesBefore, Offset, remind_at
from shared.domain.task import Task
from shared.events.base import plain

_EVER = datetime.min.replace(tzinfo=UTC)
State = Literal["scheduled", "sent", "cancelled", "passed"]


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
            channels.setdefault(at, []).extend(offset.get("channels") or [CHOSEN])
    return [Planned(at, _unique(channels[at])) for at in sorted(channels)]


def snoozed(offsets: Sequence[Mapping[str, Any]], at: datetime) -> list[dict[str, Any]]:
    """The offsets with one that snoozes until `at` instead of an earlier snooze."""
    kept = [dict(offset) for offset in offsets if not offset.get("snoozed")]
    return [*kept, {"remind_at": plain(at), "snoozed": True}]


@dataclass(frozen=True)
class Moved:
    """What becomes of a task's reminders when its instants are derived again."""

    scheduled: tuple[Planned, ...]  # to be sent and not in the table yet
    dropped: tuple[UUID, ...]  # rows whose instant is none any more

    @property
    def differs(self) -> bool:
        return bool(self.scheduled or self.dropped)


def moved(task: Task, rows: Sequence[ReminderRow], *, user_zone: str, now: datetime) -> Moved:
    """The reminders of an open task under new rules, compared with the rows there are.

    A reminder that was still to come and whose instant has passed under the new rules is due at once:
    late is better than never. What was sent already is sent again only if its time is yet to come.
    """
    asked = planned(task, user_zone=user_zone, now=_EVER)
    wanted = {reminder.remind_at for reminder in asked}
    own = [row for row in rows if row.occurrence_key == task.occurrence_key]
    waiting = [row for row in rows if row.state == "scheduled"]
    dropped = [row for row in waiting if row not in own or row.remind_at not in wanted]
    kept = {row.remind_at for row in own if row.state in ("scheduled", "sent")}
    # Reminders go out in the order of their instants, so those still waiting are the last ones.
    unsent = [reminder for reminder in asked if reminder.remind_at not in kept][-len(dropped) or len(asked) :]
    late = {reminder.remind_at for reminder in unsent}
    fresh = [r for r in asked if r.remind_at not in kept and (r.remind_at > now or r.remind_at in late)]
    return Moved(tuple(fresh), tuple(row.id for row in dropped))


def relative(offsets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a copy of a task keeps: an absolute reminder belonged to the original alone."""
    return [dict(offset) for offset in offsets if "remind_at" not in offset]


def _parse(offset: Mapping[str, Any]) -> Offset:
    if "before_minutes" in offset:
        return MinutesBefore(offset["before_minutes"])
    if "days_before" in offset:
        return DaysBefore(offset["days_before"], time.fromisoformat(offset["at"]))
    return AbsoluteReminder(datetime.fromisoformat(offset["remind_at"]))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
