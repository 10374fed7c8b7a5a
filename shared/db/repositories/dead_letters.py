"""SQL of the record of dead letters, over all users. Called by `relay` only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.db.store.failures import record_failure
from shared.db.uow import Transaction


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that reached a dead-letter topic, and what is known of why; `user_id` "" if it names none."""

    consumer: str
    source: str
    id: str
    type: str
    user_id: str
    topic: str | None
    status: int | None
    code: str | None
    detail: str | None
    event: Mapping[str, Any]  # JSON


class DeadLetters:
    """Needs a transaction without a user, in the role `relay`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def put(self, letter: DeadLetter) -> None:
        """Store it in place of the consumer's own verdict, which knows neither topic nor dispatcher."""
        self._tx.execute(
            "delete from event_failures where consumer = %s and ce_source = %s and ce_id = %s",
            (letter.consumer, letter.source, letter.id),
        )
        record_failure(self._tx, **vars(letter))
