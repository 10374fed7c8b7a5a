"""Which events a consumer has handled: the row commits with the effect, or neither does. Called by the
event adapter. Identity of an event is its source and id (CloudEvents 1.0.2 §3.1).
"""

from psycopg import errors

from shared.db.transaction import Transaction
from shared.domain.errors import RetryLater


class EventInProgress(RetryLater):
    """The same event is being handled right now."""

    code = "event_in_progress"


def claim(tx: Transaction, consumer: str, source: str, id: str) -> bool:  # noqa: A002 (the attribute's name)
    """True for the first: go on and cause the effect. False: it was handled and committed before.

    A concurrent duplicate waits here for the first one's end, at most lock_timeout (1 s).
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
