"""Deletes rows that are older than their table keeps them (`shared/db/retention.py`), in small batches.
Called by the tick.
"""

from typing import LiteralString

from shared.db.retention import RETENTION, Forget, Keep
from shared.db.store import forgetting
from shared.db.uow import UnitOfWork
from shared.runtime import deadline
from shared.runtime.logging import get_logger

BATCH = 5000
RESERVE = 2.0  # seconds of the budget kept for the answer
log = get_logger(__name__)


class Retention:
    """Applies the rules of all tables; rows for which the time is too short are left to the next tick."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Go through all tables; one that fails does not stop the others, and the first error is raised at
        the end.
        """
        failures: list[Exception] = []
        for table, decision in RETENTION.items():
            for rule in () if isinstance(decision, Keep) else decision:
                try:
                    self._apply(table, rule)
                except Exception as error:
                    log.exception("old rows could not be deleted", table=table)
                    failures.append(error)
        if failures:
            raise failures[0]

    def _apply(self, table: LiteralString, rule: Forget) -> None:
        deleted, batch = 0, BATCH
        while batch == BATCH and deadline.remaining() > RESERVE:
            with self._uow.sweep() as tx:
                batch = forgetting.forget(tx, table, rule, limit=BATCH)
            deleted += batch
        if deleted:
            log.info("old rows deleted", table=table, rows=deleted)
