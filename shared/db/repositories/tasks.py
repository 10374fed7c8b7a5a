"""All SQL about the tasks of one user. A row cannot change without its event: `add` and `change`
write the row, its outbox events and its reminders in the caller's transaction.
"""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, assigned, insert, listed, without
from shared.db.instants import FAR_FUTURE
from shared.db.repositories.reminders import Reminders
from shared.db.transaction import Transaction
from shared.domain.errors import NotFound
from shared.domain.task import MAX_DEPTH, Task, public_fields
from shared.domain.text import fold
from shared.domain.versions import Versions, check_version
from shared.events.base import changes_between
from shared.events.task import TaskChanged, TaskCreated, TaskEvent

_TASK: Columns = (
    "id", "title", "description", "status", "priority", "tags", "project_id", "parent_id", "position",
    "due_kind", "due_wall", "timezone", "due_at", "reminders", "reminder_sent", "series_id", "occurrence_key",
    "version", "created_at", "updated_at", "completed_at", "deleted_at",
)  # fmt: skip
# What the database keeps beside it: whose it is, how it compares and sorts, where in the feed it stands.
STORED: Columns = (
    "user_id", *_TASK, "title_folded", "tags_folded", "due_sort", "change_seq", "last_change",
)  # fmt: skip
COLUMNS = f"""{listed(_TASK, of="t")},
  s.kind as series_kind, s.rule as series_rule, s.mode as series_mode, s.state as series_state"""
FROM = "tasks t left join series s on s.user_id = t.user_id and s.id = t.series_id"
_INSERT = insert("tasks", without(STORED, "reminder_sent"))
_UPDATE = f"""update tasks set {assigned(without(STORED, "user_id", "id", "created_at"))}
where user_id = %(user_id)s and id = %(id)s"""


class Tasks:
    """The tasks of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def get(self, task_id: UUID, *, deleted: bool = False) -> Task:
        """The task; `NotFound` when it is missing, another user's or, unless asked for, in the trash."""
        task = self._tx.fetch_one(
            Task,
            f"select {COLUMNS} from {FROM} where t.user_id = %s and t.id = %s",
            (self._tx.user_id, task_id),
        )
        if task is None or (task.deleted_at is not None and not deleted):
            raise NotFound(f"There is no task {task_id}.", code="task_not_found")
        return task

    def get_for_update(self, task_id: UUID, *, versions: Versions = None, deleted: bool = False) -> Task:
        """As `get`, and its version must be one of `versions` when given. The user's account row is locked
        by every write transaction, so nobody else changes it meanwhile.
        """
        task = self.get(task_id, deleted=deleted)
        check_version("task", task.version, versions)
        return task

    def subtasks(self, task_id: UUID, *, limit: int) -> list[Task]:
        """Live tasks below `task_id` that do not recur, level by level and in order within each."""
        return self._below(task_id, "and t.deleted_at is null and t.series_id is null", limit)

    def below(self, task_id: UUID, *, limit: int) -> list[Task]:
        """Every live task below `task_id`, level by level."""
        return self._below(task_id, "and t.deleted_at is null", limit)

    def touched(self, task_id: UUID) -> bool:
        """Whether the task or anything below it has changed since the transaction that made the task."""
        found = self._tx.execute(
            """with recursive tree as (
                  select t.user_id, t.id, 0 as depth from tasks t where t.user_id = %s and t.id = %s
                  union all
                  select t.user_id, t.id, tree.depth + 1 from tree
                  join tasks t on t.user_id = tree.user_id and t.parent_id = tree.id
                  where tree.depth < %s)
                select t.version <> 1 or t.reminder_sent or t.deleted_at is not null
                  or t.change_seq <> min(t.change_seq) over () from tree
                join tasks t on t.user_id = tree.user_id and t.id = tree.id""",
            (self._tx.user_id, task_id, MAX_DEPTH),
        ).fetchall()
        return any(row[0] for row in found)

    def _below(self, task_id: UUID, which: LiteralString, limit: int) -> list[Task]:
        return self._tx.fetch(
            Task,
            f"""with recursive tree as (
                  select t.id, 1 as depth from tasks t
                  where t.user_id = %(user)s and t.parent_id = %(id)s {which}
                  union all
                  select t.id, tree.depth + 1 from tree
                  join tasks t on t.user_id = %(user)s and t.parent_id = tree.id {which}
                  where tree.depth < %(depth)s)
                select {COLUMNS} from {FROM} join tree on tree.id = t.id where t.user_id = %(user)s
                order by tree.depth, t.position, t.created_at, t.id limit %(limit)s""",
            {"user": self._tx.user_id, "id": task_id, "depth": MAX_DEPTH, "limit": limit},
        )

    def add(self, task: Task, **extra: Any) -> TaskEvent:  # fields of the event beyond the envelope
        """Insert `task`, plan its reminders, emit `TaskCreated` and the hint."""
        self._tx.execute(_INSERT, self._row(task, "created"))
        Reminders(self._tx).plan(task)
        return self._emit(TaskCreated, {}, task, **extra)

    def change(self, before: Task, after: Task, event: type[TaskEvent], **extra: Any) -> TaskEvent:
        """Write `after`, plan its reminders anew, emit `event` and the hint."""
        self._tx.execute(_UPDATE, self._row(after, event.type.split(".")[3]))
        Reminders(self._tx).plan(after)
        return self._emit(event, public_fields(before), after, **extra)

    def _emit(self, event: type[TaskEvent], before: dict[str, Any], after: Task, **extra: Any) -> TaskEvent:
        identity = {"task_id": after.id, "task_version": after.version}
        emitted = self._tx.emit(
            event,
            **identity,
            recurring=after.recurring,
            changes=changes_between(before, public_fields(after)),
            **extra,
        )
        self._tx.emit(TaskChanged, **identity, change_token=self._tx.change_seq)
        return emitted

    def _row(self, task: Task, last_change: str) -> dict[str, Any]:
        return vars(task) | {
            "user_id": self._tx.user_id,
            "title_folded": fold(task.title),
            "tags_folded": [fold(tag) for tag in task.tags],
            "reminders": Jsonb(task.reminders),
            "due_sort": self._due_sort(task) or FAR_FUTURE,
            "change_seq": self._tx.change_seq,
            "last_change": last_change,
        }

    def _due_sort(self, task: Task) -> datetime | None:
        return task.due_at or (task.due.sort_at(self._tx.account.timezone) if task.due else None)
