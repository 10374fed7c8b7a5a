"""Taking back what the end of an occurrence has brought, when it is reopened and nobody has touched that.

Called by `occurrences`, which holds the lock of the series.
"""

from dataclasses import replace
from uuid import UUID

from shared.db.repositories.series import Occurrences, SeriesRepository
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.errors import Conflict
from shared.domain.series import Occurrence, Series
from shared.events.task import TaskDeleted

MAX_WITHDRAWN = 1_000  # more than a carry-over copies: untouched means that nothing was added


def withdraw_following(tx: Transaction, series: Series, this: Occurrence) -> None:
    """Remove the next occurrence with its subtasks, and what was missed on the way to it.

    `Conflict` when somebody has touched any of that, or when a later occurrence has ended.
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
    """The series had ended here and handed over: its successor waits again."""
    if series.successor_id is None:
        return
    successor = SeriesRepository(tx).lock(series.successor_id)
    occurrences = Occurrences(tx, successor.id)
    newest, first = occurrences.newest(), occurrences.open()
    if newest is not None:
        if first is None or first.key != newest.key or occurrences.last_ended() is not None:
            raise _changed()
        _withdraw(tx, first)
        occurrences.clear()
        SeriesRepository(tx).save(replace(successor, emitted_count=1))
    elif successor.state == "ended" and series.state == "ended":
        _withdraw_successor(tx, successor)
        SeriesRepository(tx).save(replace(successor, state="active", state_reason=None))


def _withdraw(tx: Transaction, following: Occurrence) -> None:
    assert following.task_id is not None
    if Tasks(tx).touched(following.task_id):
        raise _changed()
    for subtask in reversed(Tasks(tx).below(following.task_id, limit=MAX_WITHDRAWN)):
        Tasks(tx).change(subtask, subtask.changed(tx.now, deleted_at=tx.now), TaskDeleted)
    _delete(tx, following.task_id)


def _delete(tx: Transaction, task_id: UUID) -> None:
    task = Tasks(tx).get(task_id, deleted=True)
    Tasks(tx).change(task, task.changed(tx.now, deleted_at=tx.now), TaskDeleted)


def _changed() -> Conflict:
    return Conflict("The next occurrence has been changed; undo that first.", code="newer_occurrence_changed")
