"""The verbs of a task. Each takes the caller's transaction and returns the task as it is afterwards.

What belongs to a series is decided by `occurrences`; the next occurrence itself is made by the
`recurrence` function, when the event of the completion reaches it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from functions.tasks.tasks import fields, occurrences
from shared.db.repositories.accounts import Accounts
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.errors import Conflict, FieldError, Invalid, NotFound
from shared.domain.identity import uuid7
from shared.domain.task import MAX_DEPTH, Task
from shared.domain.versions import Versions
from shared.events.base import plain
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
    """Done. Another occurrence's key, or a task that is done already, changes nothing."""
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    return _end(tx, before, before.completed(tx.now), TaskCompleted, occurrence_key)


def skip(
    tx: Transaction,
    task_id: UUID,
    *,
    occurrence_key: str | None = None,
    missed: bool = False,
    versions: Versions = None,
) -> Task:
    """This occurrence is dropped and the series goes on; with `missed` after now, whatever lies before it.

    Idempotent as `complete` is.
    """
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    return _end(tx, before, before.skipped(tx.now), TaskSkipped, occurrence_key, skip_missed=missed)


def _end(
    tx: Transaction,
    before: Task,
    after: Task,
    event: type[TaskEvent],
    occurrence_key: str | None,
    *,
    skip_missed: bool = False,
) -> Task:
    other_occurrence = occurrence_key is not None and occurrence_key != before.occurrence_key
    if other_occurrence or after is before:
        return before
    occurrences.end(tx, after, skip_missed=skip_missed)
    Tasks(tx).change(before, after, event, **_occurrence_fields(after))
    return after


def reopen(tx: Transaction, task_id: UUID, *, versions: Versions = None) -> Task:
    """Undo `complete` or `skip`; withdraws the next occurrence if nobody has touched it."""
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    after = _at_home(tx, before.reopened(tx.now))
    if before.status == "open":
        return before
    occurrences.reopen(tx, before)
    Tasks(tx).change(before, after, TaskReopened, **_occurrence_fields(after))
    return after


def delete(tx: Transaction, task_id: UUID, *, versions: Versions = None) -> None:
    """To the trash; the open occurrence takes its series along. Deleting twice changes nothing."""
    before = Tasks(tx).get_for_update(task_id, versions=versions, deleted=True)
    if before.deleted_at is not None:
        return
    occurrences.stop(tx, before)
    Tasks(tx).change(before, before.changed(tx.now, deleted_at=tx.now), TaskDeleted)


def restore(tx: Transaction, task_id: UUID, *, versions: Versions = None) -> Task:
    """Back from the trash; the open occurrence resumes its series."""
    before = Tasks(tx).get_for_update(task_id, versions=versions, deleted=True)
    if before.deleted_at is None:
        return before
    after = _at_home(tx, before.changed(tx.now, deleted_at=None))
    occurrences.resume(tx, before)
    Tasks(tx).change(before, after, TaskRestored)
    return after


def _at_home(tx: Transaction, task: Task) -> Task:
    """The task with the instants that its due has now: the user may have moved while it was not open."""
    return task if task.due is None else task.with_due(task.due, tx.account.timezone)


def _occurrence_fields(task: Task) -> dict[str, Any]:
    """What the events about the end of an occurrence carry beside the changes."""
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
        raise Invalid(
            errors=[FieldError("project_id", "unknown_project", f"there is no project {task.project_id}")]
        )
    if given.get("parent_id") is not None:
        _check_parent(tx, task)


def _check_parent(tx: Transaction, task: Task) -> None:
    ancestor = task.parent_id
    for _ in range(MAX_DEPTH):
        if ancestor is None:
            return
        if ancestor == task.id:
            raise Conflict("A task cannot be below itself.", code="parent_cycle")
        try:
            ancestor = Tasks(tx).get(ancestor).parent_id
        except NotFound:
            message = f"there is no task {plain(ancestor)}"
            raise Invalid(errors=[FieldError("parent_id", "unknown_parent", message)]) from None
    raise Invalid(errors=[FieldError("parent_id", "too_deep", f"at most {MAX_DEPTH} levels of subtasks")])
