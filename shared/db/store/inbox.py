"""Which events a consumer has handled. The row commits in the transaction of the effect. Called by the event
adapter. An event is identified by its source and id (CloudEvents 1.0.2 §3.1).
"""

from psycopg import errors

from shared.db.transaction import Transaction
from shared.domain.errors import RetryLater


class EventInProgress(RetryLater):
    """The same event is being handled right now."""

    code = "event_in_progress"


def claim(tx: Transaction, consumer: str, source: str, id: str) -> bool:  # noqa: A002 (the attribute's name)
    """True: the event is new to this consumer, handle it now. False: it was handled and committed before.

    A concurrent duplicate waits here until the first one ends, at most lock_timeout (1 s); then it raises
    EventInProgress.
    """
    try:
        inserted = tx.execute(
            """insert into inbox (consumer, ce_source, ce_id, user_id, processed_at)
               values (%s, %s, %s, %s, %s) on conflict do nothing""",
            (consumer, source, id, tx.user_id, tx.now),
        )
    except errors.LockNotAvailable as error:
        raise EventInProgress from error
    return inserted.rowcount == 1
