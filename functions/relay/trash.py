"""Empties the trash: tasks that were deleted long enough ago are purged. Called by the tick of `relay`."""

from datetime import datetime

from shared.db.repositories.trash import Trash, Trashed, TrashedTasks
from shared.db.retention import TRASH
from shared.db.uow import Cause, Transaction, UnitOfWork
from shared.domain.identity import Actor
from shared.events.series import SeriesEnded
from shared.runtime import deadline
from shared.runtime.logging import get_logger

PAGE = 1000  # tasks that are looked up at once
TASKS = 200  # purged in one transaction: one user's turn
RESERVE = 22.0  # seconds of the budget kept for what follows
CAUSE = Cause(actor=Actor("function", "relay"))
log = get_logger(__name__)


class Purge:
    """Purges the tasks that are old enough, of each user a limited number per page."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Purge what is old enough; a user whose turn fails is tried again by the next tick."""
        purged, after = 0, None
        while deadline.remaining() > RESERVE and (page := self._page(after)):
            after = page[-1]
            for user_id in dict.fromkeys(task.user_id for task in page):
                if deadline.remaining() <= RESERVE:
                    break
                purged += self._turn(user_id)
        if purged:
            log.info("trash emptied", tasks=purged)

    def _page(self, after: Trashed | None) -> list[Trashed]:
        with self._uow.sweep() as tx:
            return TrashedTasks(tx).page(tx.now - TRASH, after=after, limit=PAGE)

    def _turn(self, user_id: str) -> int:
        try:
            with self._uow.write(user_id, CAUSE) as tx:
                return purge(tx, tx.now - TRASH)
        except Exception:  # one user's failure must not keep the others waiting
            log.exception("the trash of a user could not be emptied", user_id=user_id)
            return 0


def purge(tx: Transaction, before: datetime) -> int:
    """Purge the user's oldest tasks in the trash; a series whose open occurrence is among them ends."""
    trash = Trash(tx)
    count, ended = trash.purge(before, limit=TASKS)
    for one in ended:
        tx.emit(
            SeriesEnded,
            task_id=one.task.id,
            task_version=one.task.version,
            series_id=one.series_id,
            changes={"state": {"from": one.state, "to": "ended"}},
        )
    if count:
        trash.drop_empty_series()
    return count
