"""A task: its state, and which changes of state are allowed. Pure; called by the verbs of `tasks` and by
`recurrence`, stored by `repositories/tasks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.domain.due import Due, Kind
from shared.domain.errors import Conflict

Status = Literal["open", "done", "skipped"]
FIRST_POSITION = "a0"
MAX_DEPTH = 20  # tasks below one another, the topmost included
MAX_SUBTREE = 500  # live tasks below one task: they are completed, deleted and copied together


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of `tasks`, with the rule of its series when it belongs to one. Changes make a new value.

    >>> now = datetime.fromisoformat("2026-06-01T08:00Z")
    >>> task = Task(id=UUID(int=1), title="Water the plants", created_at=now, updated_at=now)
    >>> done = task.completed(now)
    >>> done.status, done.version
    ('done', 2)
    >>> done.skipped(now)
    Traceback (most recent call last):
    shared.domain.errors.Conflict: Only an occurrence of a recurring task can be skipped.
    """

    id: UUID
    title: str
    description: str = ""
    status: Status = "open"
    priority: int = 4  # 1 highest … 4
    tags: list[str] = field(default_factory=list)
    project_id: UUID | None = None
    parent_id: UUID | None = None
    position: str = FIRST_POSITION
    due_kind: Kind | None = None
    due_wall: datetime | None = None
    timezone: str | None = None
    due_at: datetime | None = None
    reminders: list[dict[str, Any]] = field(default_factory=list)  # offsets as in the API
    reminder_sent: bool = False
    series_id: UUID | None = None
    occurrence_key: str | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    series_kind: str | None = None
    series_rule: str | None = None
    series_mode: str | None = None
    series_state: str | None = None

    @property
    def due(self) -> Due | None:
        """When it is due, or None."""
        if self.due_kind is None or self.due_wall is None:
            return None
        return Due(self.due_kind, self.due_wall, self.timezone)

    @property
    def recurring(self) -> bool:
        """Whether it is an occurrence of a series."""
        return self.series_id is not None

    def with_due(self, due: Due | None, user_zone: str) -> "Task":
        """The same task due at `due`; the columns that follow from it are set, too."""
        if due is None:
            return replace(self, due_kind=None, due_wall=None, timezone=None, due_at=None)
        return replace(
            self, due_kind=due.kind, due_wall=due.wall, timezone=due.timezone, due_at=due.at(user_zone)
        )

    def in_series(self, series_id: UUID, key: str) -> "Task":
        """The same task as the occurrence `key` of a series."""
        return replace(self, series_id=series_id, occurrence_key=key)

    def changed(self, now: datetime, **values: Any) -> "Task":  # any subset of the fields above
        """The next version, with `values`."""
        return replace(self, version=self.version + 1, updated_at=now, **values)

    def completed(self, now: datetime) -> "Task":
        """Done at `now`; a task that is done already is returned as it is. Conflict for a skipped one."""
        return self._ended("done", now)

    def skipped(self, now: datetime) -> "Task":
        """Skipped at `now`; Conflict for a task that does not recur or is done."""
        if not self.recurring:
            raise Conflict("Only an occurrence of a recurring task can be skipped.", code="not_recurring")
        return self._ended("skipped", now)

    def reopened(self, now: datetime) -> "Task":
        """Open again; an open task stays as it is."""
        return self if self.status == "open" else self.changed(now, status="open", completed_at=None)

    def ended_with(self, parent: "Task") -> "Task":
        """This subtask, ended with its `parent`: the same status and time, by which `reopen` finds it."""
        return self.changed(parent.updated_at, status=parent.status, completed_at=parent.completed_at)

    def _ended(self, status: Status, now: datetime) -> "Task":
        if self.status == status:
            return self
        if self.status != "open":
            raise Conflict(f"The task is {self.status}; reopen it first.", code=f"already_{self.status}")
        return self.changed(now, status=status, completed_at=now)


def public_fields(task: Task) -> dict[str, Any]:
    """The fields whose changes events and the audit log name, in the words of the API."""
    due = task.due
    return {
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "priority": f"P{task.priority}",
        "tags": task.tags,
        "project_id": task.project_id,
        "parent_id": task.parent_id,
        "position": task.position,
        "due": due.text() if due else None,
        "timezone": task.timezone,
        "due_at": task.due_at,
        "reminders": task.reminders,
        "recurrence": recurrence_of(task),
        "series_id": task.series_id,
        "occurrence_key": task.occurrence_key,
        "completed_at": task.completed_at,
        "deleted_at": task.deleted_at,
    }


def recurrence_of(task: Task) -> Mapping[str, Any] | None:
    """The `recurrence` object of the API, or None for a task that does not recur."""
    if task.series_kind is None:
        return None
    return {task.series_kind: task.series_rule, "mode": task.series_mode}
