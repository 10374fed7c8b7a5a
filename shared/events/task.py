"""What happened to a task (topic `task-events`) and the hint that it changed (topic `task-updates`).

A class that adds no field inherits the dataclass: another decorator would cost every wake-up 1 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.events.base import TASK_UPDATES, Event

Changes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TaskEvent(Event):
    """A task changed; `changes` holds only the fields that did."""

    type: ClassVar[str] = ""  # abstract: only subclasses are published
    changes: Changes = field(default_factory=dict)


class TaskCreated(TaskEvent):
    """A task was created, by a user or as the next occurrence of a series."""

    type: ClassVar[str] = "io.taskflow.task.created.v1"


class TaskUpdated(TaskEvent):
    """Fields of a task were changed."""

    type: ClassVar[str] = "io.taskflow.task.updated.v1"


@dataclass(frozen=True, kw_only=True)
class OccurrenceEvent(TaskEvent):
    """An occurrence ended or was reopened; has the fields that `recurrence` needs to find the next one."""

    series_id: UUID | None = None
    occurrence_key: str | None = None
    due: str | None = None
    timezone: str | None = None
    completed_at: datetime | None = None


class TaskCompleted(OccurrenceEvent):
    """A task was done."""

    type: ClassVar[str] = "io.taskflow.task.completed.v1"


class TaskSkipped(OccurrenceEvent):
    """An occurrence was skipped."""

    type: ClassVar[str] = "io.taskflow.task.skipped.v1"


class TaskReopened(OccurrenceEvent):
    """A completion or a skip was undone."""

    type: ClassVar[str] = "io.taskflow.task.reopened.v1"


class TaskDeleted(TaskEvent):
    """A task went to the trash."""

    type: ClassVar[str] = "io.taskflow.task.deleted.v1"


class TaskRestored(TaskEvent):
    """A task came back from the trash."""

    type: ClassVar[str] = "io.taskflow.task.restored.v1"


@dataclass(frozen=True, kw_only=True)
class TaskChanged(Event):
    """A hint without content: the task has a newer version at `change_token` of the user's feed."""

    type: ClassVar[str] = "io.taskflow.task.changed.v1"
    topic: ClassVar[str] = TASK_UPDATES
    change_token: int
