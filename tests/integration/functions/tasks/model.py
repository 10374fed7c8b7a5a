"""What the task API should hold after any sequence of calls: a model of one user, as plain values.

Used by `test_state_machine`. It knows tasks and daily series at nine o'clock; nothing of it is taken from
the code under test.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class ModelTask:
    """A task as its owner sees it. `made`: the content and the rule that `recurrence` wrote."""

    id: str
    title: str
    priority: str = "P4"
    tags: tuple[str, ...] = ()
    status: str = "open"
    deleted: bool = False
    version: int = 1
    snoozed: bool = False
    series: str | None = None
    key: datetime | None = None
    made: tuple[Any, ...] | None = None

    @property
    def content(self) -> tuple[Any, ...]:
        return (self.title, self.priority, self.tags, self.snoozed)

    def changed(self, **fields: Any) -> "ModelTask":
        """The next version; the same one if nothing differs."""
        after = replace(self, **fields)
        return self if after == self else replace(after, version=self.version + 1)

    def shown(self) -> dict[str, Any]:
        """What it says of itself; the state of its series is added by `Model.shown`."""
        return {
            "id": self.id,
            "title": self.title,
            "priority": self.priority,
            "tags": list(self.tags),
            "status": self.status,
            "version": self.version,
            "series_id": self.series,
            "occurrence_key": self.key.strftime("%Y-%m-%dT%H:%M") if self.key else None,
        }


@dataclass
class ModelSeries:
    """Every `days` days. `ended` is the last occurrence that is over, while nothing follows it yet."""

    days: int
    state: str = "active"
    ended: tuple[str, datetime] | None = None  # task, when it was completed or skipped
    after: dict[str, str] = field(default_factory=dict)  # task → the next occurrence's task


@dataclass
class Model:
    """All of one user. Tasks keep their place in the dict when they change."""

    tasks: dict[str, ModelTask] = field(default_factory=dict)
    series: dict[str, ModelSeries] = field(default_factory=dict)

    def live(self) -> list[ModelTask]:
        return [task for task in self.tasks.values() if not task.deleted]

    def shown(self, task: ModelTask) -> dict[str, Any]:
        """The task as the API shows it, in the fields that are compared."""
        return {**task.shown(), "series_state": self.series[task.series].state if task.series else None}

    def put(self, task: ModelTask) -> ModelTask:
        self.tasks[task.id] = task
        return task

    def end(self, task: ModelTask, status: str, now: datetime) -> ModelTask:
        """Completed or skipped; ending twice changes nothing."""
        if task.status != "open":
            return task
        if task.series:
            self.series[task.series].ended = (task.id, now)
        return self.put(task.changed(status=status))

    def may_reopen(self, task: ModelTask) -> bool:
        """Nothing later has ended, and the next occurrence is as it was made."""
        series = self.series[task.series] if task.series else None
        following = series.after.get(task.id) if series else None
        if task.status == "open" or following is None:
            return True
        after = self.tasks[following]
        return after.status == "open" and (*after.content, series.days) == after.made

    def reopen(self, task: ModelTask) -> ModelTask:
        """Open again; the next occurrence goes to the trash."""
        if task.status == "open":
            return task
        if task.series:
            series = self.series[task.series]
            following = series.after.pop(task.id, None)
            series.ended = None
            if following is not None:
                self.tasks.pop(following)  # out of the record: it can never come back
        return self.put(task.changed(status="open"))

    def expected_next(self) -> list[tuple[str, ModelTask]]:
        """(ended task, the occurrence that must follow) for every series that waits for its expansion."""
        found = []
        for name, series in self.series.items():
            if series.ended is None or series.state != "active":
                continue
            before, at = self.tasks[series.ended[0]], series.ended[1]
            assert before.key is not None
            key = before.key + timedelta(days=series.days)
            while key <= at:  # catch_up: what lies before the completion was missed
                key += timedelta(days=series.days)
            made = (before.title, before.priority, before.tags, False, series.days)
            task = ModelTask("", *made[:3], series=name, key=key, made=made)
            found.append((before.id, task))
        return found
