"""SQL about a user's account row beyond its counter, which the unit of work keeps."""

from collections.abc import Iterable

from shared.db.uow import Transaction

DEFAULT_ZONE = "UTC"


def timezone_of(tx: Transaction) -> str:
    """The user's zone in a transaction that did not load the account; UTC before the first write."""
    row = tx.execute("select timezone from accounts where user_id = %s", (tx.user_id,)).fetchone()
    return str(row[0]) if row else DEFAULT_ZONE


class Accounts:
    """The account of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def set_webhook_events(self, patterns: Iterable[str]) -> None:
        """What the enabled endpoints ask for together; the unit of work reads it to flag events."""
        self._tx.execute(
            "update accounts set webhook_events = %s where user_id = %s",
            (sorted(set(patterns)), self._tx.user_id),
        )
