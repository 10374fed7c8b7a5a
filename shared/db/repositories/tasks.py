"""All SQL about the tasks of one user. Called by the verbs of `tasks` and by `recurrence`.

Every change has its event: `add` and `change` write the row, its outbox events and its reminders in the
caller's transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from shared.domain.written import Written
from shared.events.base import changes_between
from shared.events.task import TaskChanged, TaskCreated, TaskEvent

_TASK: Columns = (
    "id", "title", "description", "status", "priority", "tags", "project_id", "parent_id", "position",
    "due_kind", "due_wall", "timezone", "due_at", "reminders", "reminder_sent", "series_id", "occurrence_key",
    "version", "created_at", "updated_at", "completed_at", "deleted_at",
)  # fmt: skip
# Beside the fields of `Task`: the owner, the folded texts and the sort key, the position in the feed, and the
# record of `shared/domain/written.py`, which no later write changes.
STORED: Columns = (
    "user_id", *_TASK, "title_folded", "tags_folded", "due_sort", "change_seq", "last_change", "written",
)  # fmt: skip
COLUMNS = f"""{listed(_TASK, of="t")},
  s.kind as series_kind, s.rule as series_rule, s.mode as series_mode, s.state as series_state"""
FROM = "tasks t left join series s on s.user_id = t.user_id and s.id = t.series_id"
_INSERT = insert("tasks", without(STORED, "reminder_sent"))
_UPDATE = f"""update tasks set {assigned(without(STORED, "user_id", "id", "created_at", "written"))}
where user_id = %(user_id)s and id = %(id)s"""


# Finds the topmost task first. Deleted tasks above count on the way up; deleted tasks below are left out.
_PLACEMENT = """
with recursive up as (
    select t.id, t.parent_id, t.deleted_at, 1 as level from tasks t
    where t.user_id = %(user)s and t.id = %(parent)s
    union all
    select t.id, t.parent_id, t.deleted_at, up.level + 1 from up
    join tasks t on t.user_id = %(user)s and t.id = up.parent_id where up.level <= %(depth)s),
  down as (
    select t.id, 0 as level from tasks t where t.user_id = %(user)s and t.id = %(id)s
    union all
    select t.id, down.level + 1 from down
    join tasks t on t.user_id = %(user)s and t.parent_id = down.id and t.deleted_at is null
    where down.level <= %(depth)s),
  family as (
    select id, 0 as level from (select id from up order by level desc limit 1) top
    union all
    select t.id, family.level + 1 from family
    join tasks t on t.user_id = %(user)s and t.parent_id = family.id and t.deleted_at is null
    where family.level <= %(depth)s)
select (select case when deleted_at is null then 'live' else 'deleted' end from up where level = 1) as parent,
  coalesce((select max(level) from up), 0) as above,
  exists (select from up where id = %(id)s) as below_itself,
  coalesce((select max(level) from down), 0) as height,
  (select count(*) from down where id not in (select id from family) and id <> %(id)s) as moved,
  (select count(*) - 1 from family where id <> %(id)s) as family"""


@dataclass(frozen=True)
class Placement:
    """The place of a task under a new parent, to check the limits of depth and size.

    `parent` is "live", "deleted" or None if there is none. `above` counts the tasks over the new place,
    `height` the levels below the task, `family` the live tasks below the topmost one (without the task
    itself), `moved` the live tasks below the task that are not in that family yet. `below_itself`: the new
    parent is the task itself or below it.
    """

    parent: str | None
    above: int
    below_itself: bool
    height: int
    moved: int
    family: int


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
        """As `get`; PreconditionFailed unless the version is one of `versions`. Every write transaction locks
        the user's account row, so no other one can change the task until commit.
        """
        task = self.get(task_id, deleted=deleted)
        check_version("task", task.version, versions)
        return task

    def subtasks(self, task_id: UUID, *, limit: int | None = None) -> list[Task]:
        """Live tasks below `task_id` that do not recur, level by level and in order within each. What is
        below a task that recurs belongs to that one.
        """
        return self._below(task_id, "and t.deleted_at is null and t.series_id is null", limit=limit)

    def below(self, task_id: UUID) -> list[Task]:
        """Every live task below `task_id`, level by level."""
        return self._below(task_id, "and t.deleted_at is null")

    def deleted_with(self, task: Task) -> list[Task]:
        """The tasks below `task` that went to the trash in the same transaction, level by level."""
        return self._below(task.id, "and t.deleted_at = %(deleted_at)s", deleted_at=task.deleted_at)

    def placement(self, task_id: UUID, parent_id: UUID) -> Placement:
        """What there is above and below, if the task hung below `parent_id`; for a new task nothing below."""
        params = {"user": self._tx.user_id, "id": task_id, "parent": parent_id, "depth": MAX_DEPTH}
        found = self._tx.fetch_one(Placement, _PLACEMENT, params)
        assert found is not None
        return found

    def written(self, task_ids: Sequence[UUID]) -> dict[UUID, Written | None]:
        """What `recurrence` wrote into these tasks; None for one that it did not make."""
        found = self._tx.execute(
            "select id, written from tasks where user_id = %s and id = any(%s)",
            (self._tx.user_id, list(task_ids)),
        )
        return dict(found.fetchall())

    def _below(
        self, task_id: UUID, which: LiteralString, *, limit: int | None = None, **params: object
    ) -> list[Task]:
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
            {"user": self._tx.user_id, "id": task_id, "depth": MAX_DEPTH, "limit": limit, **params},
        )

    def add(self, task: Task) -> None:
        """Insert `task`, plan its reminders, emit `TaskCreated` and the hint."""
        self.add_all([task])

    def add_all(self, tasks: Sequence[Task], *, records: Mapping[UUID, Written] | None = None) -> None:
        """As `add` for all of them, in as many round trips as for one; `records` are stored for `written`."""
        kept = records or {}
        rows = [
            self._row(task, "created") | {"written": Jsonb(kept[task.id]) if task.id in kept else None}
            for task in tasks
        ]
        self._tx.execute_all(_INSERT, rows)
        Reminders(self._tx).plan_new(tasks)
        for task in tasks:
            self._emit(TaskCreated, {}, task)

    def change(self, before: Task, after: Task, event: type[TaskEvent], **extra: Any) -> None:
        """Write `after`, plan its reminders again, emit `event` with the fields `extra`, and the hint."""
        self.change_all([(before, after)], event, extra=lambda _: extra)

    def change_all(
        self,
        changes: Sequence[tuple[Task, Task]],
        event: type[TaskEvent],
        *,
        extra: Callable[[Task], Mapping[str, Any]] = lambda _: {},
    ) -> None:
        """As `change` for all pairs of before and after, in as many round trips as for one."""
        last_change = event.type.split(".")[3]
        self._tx.execute_all(_UPDATE, [self._row(after, last_change) for _, after in changes])
        Reminders(self._tx).plan([after for _, after in changes])
        for before, after in changes:
            self._emit(event, public_fields(before), after, **extra(after))

    def _emit(self, event: type[TaskEvent], before: dict[str, Any], after: Task, **extra: Any) -> None:
        identity = {"task_id": after.id, "task_version": after.version}
        self._tx.emit(
            event,
            **identity,
            recurring=after.recurring,
            changes=changes_between(before, public_fields(after)),
            **extra,
        )
        self._tx.emit(TaskChanged, **identity, change_token=self._tx.change_seq)

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
