"""The verbs of a task. Each takes the caller's transaction and returns the task as it is afterwards.

Called by the HTTP routes and by the commands. `subtree` handles the subtasks
(docs/decisions/0016-subtasks-go-with-their-parent.md), `occurrences` the series. The next occurrence itself
is made by the `recurrence` function, when the event of the completion reaches it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from functions.tasks.tasks import fields, occurrences, subtree
from shared.db.repositories.accounts import Accounts
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.errors import invalid_field
from shared.domain.identity import uuid7
from shared.domain.task import Task
from shared.domain.versions import Versions
from shared.events.task import (
    TaskCompleted,
    TaskDeleted,
    TaskEvent,
    TaskReopened,
    TaskRestored,
    TaskSkipped,
    TaskUpdated,
)


def create(tx: Transaction, given: Mapping[str, Any]) -> Task:
    """A new task from a validated body; with a recurrence it is the first occurrence of a new series."""
    task = fields.new_task(given, task_id=uuid7(tx.now), now=tx.now, user_zone=tx.account.timezone)
    if task.due is not None and not given.keys() & fields.REMINDERS:
        task = replace(task, reminders=Accounts(tx).own_preferences().default_reminders)
    _check_references(tx, task, given)
    if given.get("recurrence") is not None:
        task = occurrences.start(tx, task, given["recurrence"])
    Tasks(tx).add(task)
    if task.recurring:
        occurrences.record_first(tx, task)
    return task


def patch(tx: Transaction, task_id: UUID, given: Mapping[str, Any], *, versions: Versions = None) -> Task:
    """The task with the fields of a merge patch; nothing happens when nothing differs."""
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    after = fields.apply(before, given, user_zone=tx.account.timezone)
    _check_references(tx, after, given)
    if before.recurring:
        occurrences.check_move(before, after, given)
    if "recurrence" in given:
        after = occurrences.change_rule(tx, before, after, given["recurrence"])
    if after == before:
        return before
    after = after.changed(tx.now)
    if (after.due, after.due_at, after.reminders) != (before.due, before.due_at, before.reminders):
        after = replace(after, reminder_sent=False)
    Tasks(tx).change(before, after, TaskUpdated)
    return Tasks(tx).get(task_id)


def complete(
    tx: Transaction,
    task_id: UUID,
    *,
    occurrence_key: str | None = None,
    versions: Versions = None,
) -> Task:
    """Mark it done. With the key of another occurrence, or for a task that is done, nothing changes."""
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    if _another_occurrence(before, occurrence_key):
        return before
    return _end(tx, before, before.completed(tx.now), TaskCompleted)


def skip(
    tx: Transaction,
    task_id: UUID,
    *,
    occurrence_key: str | None = None,
    missed: bool = False,
    versions: Versions = None,
) -> Task:
    """Skip this occurrence; the series continues with the next one, with `missed` the first one after now.

    With the key of another occurrence, or for a task that is skipped, nothing changes.
    """
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    if _another_occurrence(before, occurrence_key):
        return before
    return _end(tx, before, before.skipped(tx.now), TaskSkipped, skip_missed=missed)


def _another_occurrence(task: Task, key: str | None) -> bool:
    """Whether the caller means another occurrence; checked before the status of this one."""
    return key is not None and key != task.occurrence_key


def _end(
    tx: Transaction,
    before: Task,
    after: Task,
    event: type[TaskEvent],
    *,
    skip_missed: bool = False,
) -> Task:
    if after is before:
        return before
    occurrences.end(tx, after, skip_missed=skip_missed)
    subtasks = subtree.to_end(tx, after)
    Tasks(tx).change_all([(before, after), *subtasks], event, extra=_occurrence_fields)
    return after


def reopen(tx: Transaction, task_id: UUID, *, versions: Versions = None) -> Task:
    """Undo `complete` or `skip`, also of the subtasks that ended with the task, and remove the next
    occurrence; Conflict if its owner has changed that one.
    """
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    after = _at_home(tx, before.reopened(tx.now))
    if before.status == "open":
        return before
    occurrences.reopen(tx, before)
    subtasks = [(each, _at_home(tx, each.reopened(tx.now))) for each in subtree.ended_with(tx, before)]
    Tasks(tx).change_all([(before, after), *subtasks], TaskReopened, extra=_occurrence_fields)
    return after


def delete(tx: Transaction, task_id: UUID, *, versions: Versions = None) -> None:
    """Move it to the trash, with every task below, and stop the series of open occurrences. Deleting it again
    changes nothing.
    """
    before = Tasks(tx).get_for_update(task_id, versions=versions, deleted=True)
    if before.deleted_at is not None:
        return
    gone = [before, *Tasks(tx).below(task_id)]
    occurrences.stop(tx, gone)
    Tasks(tx).change_all([(each, each.changed(tx.now, deleted_at=tx.now)) for each in gone], TaskDeleted)


def restore(tx: Transaction, task_id: UUID, *, versions: Versions = None) -> Task:
    """Take it out of the trash, with the tasks below that were deleted with it, and resume the series of open
    occurrences.

    409 `parent_in_trash` while its parent is there; if the parent was purged, it returns without a parent.
    """
    before = Tasks(tx).get_for_update(task_id, versions=versions, deleted=True)
    if before.deleted_at is None:
        return before
    back = [before, *Tasks(tx).deleted_with(before)]
    occurrences.resume(tx, back)
    after = [_at_home(tx, each.changed(tx.now, deleted_at=None)) for each in back]
    after[0] = subtree.at_its_place(tx, after[0])
    Tasks(tx).change_all(list(zip(back, after, strict=True)), TaskRestored)
    return after[0]


def _at_home(tx: Transaction, task: Task) -> Task:
    """The task with the instants of its due derived again: the user's zone may have changed meanwhile."""
    return task if task.due is None else task.with_due(task.due, tx.account.timezone)


def _occurrence_fields(task: Task) -> dict[str, Any]:
    """The fields of events about the end of an occurrence, beside the changes."""
    due = task.due
    return {
        "series_id": task.series_id,
        "occurrence_key": task.occurrence_key,
        "due": due.text() if due else None,
        "timezone": task.timezone,
        "completed_at": task.completed_at,
    }


def _check_references(tx: Transaction, task: Task, given: Mapping[str, Any]) -> None:
    if given.get("project_id") is not None:
        raise invalid_field("project_id", "unknown_project", f"there is no project {task.project_id}")
    if given.get("parent_id") is not None:
        subtree.check_parent(tx, task)
