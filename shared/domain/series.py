"""A series of a recurring task and its occurrences, as they are stored.

`functions.tasks` starts, edits and stops a series; `functions.recurrence` adds the next occurrence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from shared.domain import zones
from shared.domain.due import Due
from shared.domain.next_occurrence import Recurrence, Step, parse_key, upcoming

State = Literal["active", "paused", "ended", "stopped"]
Outcome = Literal["open", "done", "skipped", "missed"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One row of `series`. `anchor` is naive wall time; midnight when `value_type` is date.

    >>> now = datetime(2026, 6, 1, tzinfo=UTC)
    >>> daily = Series(
    ...     id=UUID(int=1), kind="rrule", rule="FREQ=DAILY", mode="catch_up", value_type="datetime",
    ...     anchor=datetime(2026, 6, 1, 8), timezone="Europe/London", created_at=now, updated_at=now)
    >>> daily.first_key(), daily.key_due("2026-06-02T08:00").text()
    ('2026-06-01T08:00', '2026-06-02T08:00')
    """

    id: UUID
    kind: Literal["rrule", "cron"]
    rule: str
    mode: Literal["catch_up", "fixed", "from_completion"]
    value_type: Literal["date", "datetime"]
    anchor: datetime
    timezone: str | None
    exdates: list[str] = field(default_factory=list)
    rdates: list[str] = field(default_factory=list)
    state: State = "active"
    state_reason: str | None = None
    emitted_count: int = 1
    successor_id: UUID | None = None  # the series that goes on when this one ends: a split
    ends_before: str | None = None  # the key at which it takes over
    template: Mapping[str, Any] = field(default_factory=dict)  # of the first task of a successor
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def anchor_value(self) -> datetime | date:
        """The first wall value: a date when the series is all-day."""
        return self.anchor.date() if self.value_type == "date" else self.anchor

    def first_key(self) -> str:
        """The key of the first occurrence: the anchor, whether or not the rule matches it."""
        return upcoming(replace(self.recurrence(), exdates=(), rdates=()), limit=1)[0].key

    def due(self, wall: datetime | date, *, like: Due | None = None) -> Due:
        """The due of an occurrence; the kind of `like` decides between an instant and a local time in UTC."""
        if self.value_type == "date":
            return Due("date", _midnight(wall), self.timezone)
        assert isinstance(wall, datetime)
        if self.timezone is None:
            return Due("floating", wall)
        if self.timezone == "UTC" and like is not None and like.kind == "instant":
            return Due("instant", wall)
        return Due("zoned", wall, self.timezone)

    def reaches(self, step: Step, user_zone: str) -> bool:
        """Whether a step lies before the point at which the series was split."""
        if self.ends_before is None:
            return True
        end = self.key_instant(self.ends_before, user_zone)
        if end is None:
            return self.due(step.wall).text() < self.ends_before
        return (step.at or self.due(step.wall).sort_at(self.timezone or user_zone)) < end

    def key_due(self, key: str, *, like: Due | None = None) -> Due:
        """The original due of the occurrence `key`, before anybody moved it."""
        value = parse_key(key)
        return self.due(value.replace(tzinfo=None) if isinstance(value, datetime) else value, like=like)

    def public_fields(self) -> dict[str, Any]:
        """The fields whose changes events name."""
        return {
            self.kind: self.rule,
            "mode": self.mode,
            "anchor": self.anchor_value(),
            "timezone": self.timezone,
            "exdates": self.exdates,
            "rdates": self.rdates,
            "state": self.state,
            "state_reason": self.state_reason,
            "successor_id": self.successor_id,
        }

    def key_instant(self, key: str, user_zone: str) -> datetime | None:
        """The instant (UTC) that a key names; None for a day. Keys of earlier rules are read as well."""
        value = parse_key(key)
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC) if value.tzinfo else zones.resolve(value, self.timezone or user_zone)

    def wall_of(self, due: Due) -> datetime | date:
        """The wall time of a due in the zone of the series; a due may have been moved to another zone."""
        if self.timezone is None or due.timezone in (None, self.timezone):
            return due.value()
        at = due.at(self.timezone)
        return due.value() if at is None else at.astimezone(zones.zone(self.timezone)).replace(tzinfo=None)

    def recurrence(self) -> Recurrence:
        """The rule as the engine takes it."""
        return Recurrence(
            kind=self.kind,
            text=self.rule,
            anchor=self.anchor_value(),
            tz=self.timezone,
            mode=self.mode,
            exdates=tuple(self.exdates),
            rdates=tuple(self.rdates),
            emitted_count=self.emitted_count,
        )


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One row of `occurrences`. A missed one has no task.

    `after_key` is the key of the occurrence whose end created this one. `emitted_count` is the count of the
    series while this one was open.

    >>> now = datetime(2026, 6, 2, tzinfo=UTC)
    >>> Occurrence(series_id=UUID(int=1), key="2026-06-02T08:00", outcome="missed", task_id=None, ordinal=2,
    ...     after_key="2026-06-01T08:00", created_at=now).skip_missed
    False
    """

    series_id: UUID
    key: str
    outcome: Outcome
    task_id: UUID | None
    ordinal: int
    after_key: str | None
    created_at: datetime
    emitted_count: int = 1
    skip_missed: bool = False


def zone_of(due: Due) -> str | None:
    """The zone of a series anchored at `due`: UTC for an instant, null for a day or a floating time."""
    return "UTC" if due.kind == "instant" else due.timezone


def _midnight(wall: datetime | date) -> datetime:
    return wall if isinstance(wall, datetime) else datetime(wall.year, wall.month, wall.day)  # noqa: DTZ001  # wall time
