"""The bodies of /v1/tasks, as pydantic models: validation and the OpenAPI schemas come from here.

Imported with the first body, as `edge.bodies` is.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from functions.tasks.edge.bodies import Body, Misplaced
from shared.domain.text import clean, clean_label, fold
from shared.domain.time_text import read_instant
from shared.events.base import plain

MAX_BEFORE_MINUTES = 366 * 24 * 60
Priority = Literal["P1", "P2", "P3", "P4"]


def _text(maximum: int, minimum: int = 0, *, multiline: bool = False) -> AfterValidator:
    return AfterValidator(lambda value: clean(value, maximum=maximum, minimum=minimum, multiline=multiline))


def _unique(tags: list[str]) -> list[str]:
    if len(set(map(fold, tags))) != len(tags):
        raise ValueError("tags must be unique, ignoring case")
    return tags


def _instant(value: str) -> str:
    return str(plain(read_instant(value)))


Title = Annotated[str, _text(200, 1)]
Description = Annotated[str, _text(10_000, multiline=True)]
Tag = Annotated[str, AfterValidator(lambda value: clean_label(value, maximum=50))]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(_unique)]
Id = Annotated[UUID, Field(strict=False)]
Position = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,64}$")]
BeforeMinutes = Annotated[int, Field(ge=0, le=MAX_BEFORE_MINUTES)]
Channel = Literal["in_app", "webhook"]
ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Reminder(Body):
    """Exactly one of `before_minutes`, `days_before` with `at`, and `remind_at`."""

    before_minutes: BeforeMinutes | None = None
    days_before: Annotated[int, Field(ge=0, le=366)] | None = None
    at: ClockTime | None = None
    remind_at: Annotated[str, AfterValidator(_instant)] | None = None
    channels: Annotated[list[Channel], Field(min_length=1, max_length=4)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Reminder":
        forms = [self.before_minutes is not None, self.days_before is not None, self.remind_at is not None]
        if sum(forms) != 1 or (self.at is not None) != (self.days_before is not None):
            raise ValueError("give before_minutes, or days_before with at, or remind_at")
        return self


class Recurrence(Body):
    """At most one of `rrule` (RFC 5545), `cron` (five fields) and `every`; `mode` is `catch_up` by default.

    In a patch of a task that recurs, what is absent stays: the rule, or the mode.
    """

    rrule: Annotated[str, Field(max_length=512)] | None = None
    cron: Annotated[str, Field(max_length=100)] | None = None
    every: Literal["day", "weekday", "week", "month", "year"] | None = None
    mode: Literal["catch_up", "fixed", "from_completion"] | None = None


class TaskPatch(Body):
    """A merge patch: an absent field keeps its value, null clears it."""

    title: Title | None = None
    description: Description | None = None
    priority: Priority | None = None
    tags: Tags | None = None
    project_id: Id | None = None
    parent_id: Id | None = None
    position: Position | None = None
    due: Annotated[str, Field(max_length=40)] | None = None
    due_at: Annotated[str, Field(max_length=40)] | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    remind_before_minutes: BeforeMinutes | None = None
    reminders: Annotated[list[Reminder], Field(max_length=10)] | None = None
    recurrence: Recurrence | None = None

    @model_validator(mode="after")
    def _title_stays(self) -> "TaskPatch":
        if "title" in self.model_fields_set and self.title is None:
            raise Misplaced("title", "title cannot be cleared")
        return self


class TaskCreate(TaskPatch):
    """A new task: only `title` is required."""

    title: Title


class OccurrenceAction(Body):
    """An optional check: another occurrence's key leaves the task unchanged."""

    occurrence_key: Annotated[str, Field(max_length=40)] | None = None


class Snooze(Body):
    """Exactly one of `minutes` from now and `until`."""

    minutes: Annotated[int, Field(ge=1, le=MAX_BEFORE_MINUTES)] | None = None
    until: Annotated[str, Field(max_length=40), AfterValidator(_instant)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Snooze":
        if (self.minutes is None) == (self.until is None):
            raise Misplaced("minutes" if self.minutes is None else "until", "give either minutes or until")
        return self


class SkipAction(OccurrenceAction):
    """`missed` skips everything up to now, this occurrence and those that were missed since."""

    missed: bool = False
