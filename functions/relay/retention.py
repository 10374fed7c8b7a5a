"""Forgets what has served its purpose, in batches that hold no lock for long."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.db.store import failures, idempotency, inbox, outbox
from shared.db.uow import Transaction, UnitOfWork
from shared.runtime import deadline
from shared.runtime.logging import get_logger

BATCH = 5000
RESERVE = 2.0  # seconds of the budget kept for the answer
Delete = Callable[[Transaction, datetime], int]
log = get_logger(__name__)

# The inbox outlives every topic's retention and the replay of its dead letters: else a replay acts twice.
RULES: tuple[tuple[str, timedelta, Delete], ...] = (
    ("outbox", timedelta(days=7), outbox.delete_published),
    ("inbox", timedelta(days=30), inbox.delete_processed),
    ("idempotency", idempotency.RETENTION, lambda tx, _before: idempotency.delete_expired(tx)),
    ("event_failures", timedelta(days=90), failures.delete_failures),
)


class Retention:
    """Applies the rules; what does not fit into one tick is left to the next."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        for table, age, delete in RULES:
            deleted = 0
            while deadline.remaining() > RESERVE:
                with self._uow.sweep() as tx:
                    batch = delete(tx, tx.now - age)
                deleted += batch
                if batch < BATCH:
                    break
            if deleted:
                log.info("old rows deleted", table=table, rows=deleted)
