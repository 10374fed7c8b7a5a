"""Which reminders a task asks for: the offsets that it stores, turned into instants. Pure.

Called when a task is written (`repositories.reminders`), when its instants are derived again
(`repositories.derived`) and when it is shown (`functions/tasks/tasks/view.py`).
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
    """The columns of one row of `reminders` that the API shows."""

    id: UUID
    task_id: UUID
    occurrence_key: str | None
    remind_at: datetime
    state: State


@dataclass(frozen=True)
class Planned:
    """A reminder to schedule at an instant (UTC), on these channels."""

    remind_at: datetime
    channels: tuple[str, ...]


def instant_of(offset: Mapping[str, Any], due: Due | None, user_zone: str) -> datetime | None:
    """The instant (UTC) of a stored offset; None for an offset before the due of a task without a due.

    >>> due = Due("zoned", datetime.fromisoformat("2026-06-01T08:00"), "Europe/London")
    >>> instant_of({"before_minutes": 30}, due, "UTC")
    datetime.datetime(2026, 6, 1, 6, 30, tzinfo=datetime.timezone.utc)
    """
    parsed = _parse(offset)
    if isinstance(parsed, AbsoluteReminder):
        return parsed.instant.astimezone(UTC)
    if due is None:
        return None
    return remind_at(parsed, due.value(), due.zone(user_zone), user_zone)


def planned(task: Task, *, user_zone: str, now: datetime) -> list[Planned]:
    """The reminders later than `now`, earliest first. A task that is not open or is deleted has none.

    Offsets that give the same instant become one reminder on the channels of all of them.

    >>> now = datetime(2026, 6, 1, tzinfo=UTC)
    >>> offsets = [{"remind_at": "2026-06-02T08:00Z"}, {"remind_at": "2026-05-01T08:00Z"}]
    >>> task = Task(id=UUID(int=1), title="Water", reminders=offsets, created_at=now, updated_at=now)
    >>> [str(reminder.remind_at) for reminder in planned(task, user_zone="UTC", now=now)]
    ['2026-06-02 08:00:00+00:00']
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
    """The offsets with a snooze until `at`, which replaces an earlier snooze."""
    kept = [dict(offset) for offset in offsets if not offset.get("snoozed")]
    return [*kept, {"remind_at": plain(at), "snoozed": True}]


@dataclass(frozen=True)
class Moved:
    """What becomes of a task's reminders when its instants are derived again."""

    scheduled: tuple[Planned, ...]  # to be sent and not in the table yet
    dropped: tuple[UUID, ...]  # waiting rows whose instant is no longer asked for

    @property
    def differs(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.scheduled or self.dropped)


def moved(task: Task, rows: Sequence[ReminderRow], *, user_zone: str, now: datetime) -> Moved:
    """The reminders of an open task under new rules of time, compared with the stored `rows`.

    A reminder that was still to come and whose instant is past under the new rules is due at once. A
    reminder that was sent already is sent again only if its new instant is still to come.
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
    """The offsets that a copy of a task keeps: all but the absolute ones, which are for the original only."""
    return [dict(offset) for offset in offsets if "remind_at" not in offset]


def _parse(offset: Mapping[str, Any]) -> Offset:
    if "before_minutes" in offset:
        return MinutesBefore(offset["before_minutes"])
    if "days_before" in offset:
        return DaysBefore(offset["days_before"], time.fromisoformat(offset["at"]))
    return AbsoluteReminder(datetime.fromisoformat(offset["remind_at"]))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
