"""A series of occurrences: its rule, its state and what a completion makes of it.

`functions.tasks` starts, stops and reopens; `functions.recurrence` expands.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from shared.domain.due import Due
from shared.domain.next_occurrence import Recurrence, upcoming

State = Literal["active", "paused", "ended", "stopped"]
Outcome = Literal["open", "done", "skipped", "missed"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One row of `series`. `anchor` is naive wall time; midnight when `value_type` is date."""

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
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def anchor_value(self) -> datetime | date:
        """The first wall value: a date when the series is all-day."""
        return self.anchor.date() if self.value_type == "date" else self.anchor

    def first_key(self) -> str:
        """The key of the first occurrence: the anchor, whether or not the rule matches it."""
        return upcoming(self.recurrence(), limit=1)[0].key

    def public_fields(self) -> dict[str, Any]:
        """The fields whose changes events name."""
        return {
            self.kind: self.rule,
            "mode": self.mode,
            "anchor": self.anchor_value(),
            "timezone": self.timezone,
            "state": self.state,
            "state_reason": self.state_reason,
        }

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
    """One row of `occurrences`. `after_key` names the occurrence whose end brought this one."""

    series_id: UUID
    key: str
    outcome: Outcome
    task_id: UUID | None
    ordinal: int
    after_key: str | None
    created_at: datetime


def zone_of(due: Due) -> str | None:
    """The zone of a series anchored at `due`: UTC for an instant, null for a day or a floating time."""
    return "UTC" if due.kind == "instant" else due.timezone
