"""Removes the next occurrence when the one before is reopened, unless its owner has changed it.

Called by `occurrences`, which holds the lock of the series.
"""

from collections.abc import Sequence
from dataclasses import replace

from shared.db.repositories.series import AllSeries, Occurrences
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.errors import Conflict, FieldError
from shared.domain.series import Occurrence, Series
from shared.domain.written import differences
from shared.events.task import TaskDeleted


def withdraw_following(tx: Transaction, series: Series, this: Occurrence) -> None:
    """Remove the next occurrence with its subtasks, and the missed ones before it.

    `Conflict` when its owner has changed any of them, or when a later occurrence has ended.
    """
    occurrences = Occurrences(tx, series.id)
    following = occurrences.open()
    if following is not None:
        if following.after_key != this.key:
            raise _changed()
        _withdraw(tx, following)
    elif occurrences.following(this.key) is not None:
        raise _changed()
    else:
        newest = occurrences.last_ended()
        if newest is not None and newest.key != this.key:
            raise _changed()
        _withdraw_successor(tx, series)
    occurrences.withdraw_after(this.key)


def _withdraw_successor(tx: Transaction, series: Series) -> None:
    """Remove the first occurrence of the successor, which began when the series ended with this one."""
    if series.successor_id is None:
        return
    successor = AllSeries(tx).lock(series.successor_id)
    occurrences = Occurrences(tx, successor.id)
    newest, first = occurrences.newest(), occurrences.open()
    if newest is not None:
        if first is None or first.key != newest.key or occurrences.last_ended() is not None:
            raise _changed()
        _withdraw(tx, first)
        occurrences.clear()
        AllSeries(tx).save(replace(successor, emitted_count=1))
    elif successor.state == "ended" and series.state == "ended":
        _withdraw_successor(tx, successor)
        AllSeries(tx).save(replace(successor, state="active", state_reason=None))


def _withdraw(tx: Transaction, following: Occurrence) -> None:
    assert following.task_id is not None
    tasks = Tasks(tx)
    root, subtasks = tasks.get(following.task_id, deleted=True), tasks.below(following.task_id)
    made = [root, *subtasks]
    found = differences(root, subtasks, tasks.written([task.id for task in made]))
    if found:
        raise _changed(found)
    gone = [(task, task.changed(tx.now, deleted_at=tx.now)) for task in reversed(made)]
    tasks.change_all(gone, TaskDeleted)


def _changed(found: Sequence[FieldError] = ()) -> Conflict:
    """The Conflict; `found` lists the changed fields, if they are known."""
    what = f" ({', '.join(each.field for each in found)})" if found else ""
    message = f"The next occurrence has been changed{what}; undo that first."
    return Conflict(message, code="newer_occurrence_changed", errors=found)
