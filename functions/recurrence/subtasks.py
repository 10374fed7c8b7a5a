"""Copies the subtasks of an ended occurrence below the next one, open again.

Called by `expansion`, which inserts them together with the next occurrence.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.identity import uuid7
from shared.domain.task import MAX_SUBTREE, Task
from shared.domain.task_reminders import relative
from shared.runtime.logging import get_logger

MAX_COPIES = MAX_SUBTREE  # more can only come from before that limit
log = get_logger(__name__)


def copies(tx: Transaction, ended: Task, following: Task, *, before: datetime) -> list[Task]:
    """Copies of the subtasks of `ended`, which was due at the wall time `before`, below `following`.

    A subtask that recurs has its own series and is not copied, and neither is anything below it. If there are
    more than MAX_COPIES, the first ones are copied, level by level.
    """
    found = Tasks(tx).subtasks(ended.id, limit=MAX_COPIES + 1)
    if len(found) > MAX_COPIES:
        log.warning("subtasks left behind", task_id=str(ended.id), copied=MAX_COPIES)
    parents: dict[UUID, UUID] = {ended.id: following.id}
    made: list[Task] = []
    assert following.due_wall is not None
    for subtask in found[:MAX_COPIES]:
        assert subtask.parent_id is not None
        copy = _copy(tx, subtask, parents[subtask.parent_id])
        made.append(_moved(copy, before, following.due_wall, tx.account.timezone))
        parents[subtask.id] = copy.id
    return made


def _copy(tx: Transaction, subtask: Task, parent_id: UUID) -> Task:
    return replace(
        subtask,
        id=uuid7(tx.now),
        parent_id=parent_id,
        status="open",
        reminders=relative(subtask.reminders),
        reminder_sent=False,
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        completed_at=None,
    )


def _moved(task: Task, before: datetime, after: datetime, user_zone: str) -> Task:
    """The due of a subtask, moved as its parent's was on the wall clock: a day by days, a time by the whole
    difference.
    """
    due = task.due
    if due is None:
        return task
    shift = after - before
    if due.kind == "date":
        shift = timedelta(days=after.toordinal() - before.toordinal())
    return task.with_due(due.moved(due.wall + shift), user_zone)
