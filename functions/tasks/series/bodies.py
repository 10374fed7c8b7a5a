"""The bodies of /v1/series and of the preview, as pydantic models; loaded on the first body."""

from typing import Annotated

from pydantic import Field, model_validator

from functions.tasks.edge.bodies import Body, Misplaced
from functions.tasks.tasks.bodies import (
    BeforeMinutes,
    Description,
    Priority,
    Recurrence,
    Reminder,
    Tags,
    Title,
)

MAX_EXCEPTIONS = 1_000
Key = Annotated[str, Field(max_length=40)]
Dates = Annotated[list[Key], Field(max_length=MAX_EXCEPTIONS)]


class SeriesPatch(Body):
    """This and the following occurrences, from the key `from` on; what is absent stays."""

    from_: Annotated[Key | None, Field(alias="from")] = None
    recurrence: Recurrence | None = None
    due: Key | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    exdates: Dates | None = None
    rdates: Dates | None = None
    title: Title | None = None
    description: Description | None = None
    priority: Priority | None = None
    tags: Tags | None = None
    reminders: Annotated[list[Reminder], Field(max_length=10)] | None = None
    remind_before_minutes: BeforeMinutes | None = None

    @model_validator(mode="after")
    def _title_stays(self) -> "SeriesPatch":
        if "title" in self.model_fields_set and self.title is None:
            raise Misplaced("title", "title cannot be cleared")
        return self


class Preview(Body):
    """A rule to look at, before a task has it."""

    recurrence: Recurrence
    due: Key
    timezone: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10
