"""Publishes again, with the same id, what an expected consumer never answered: a KafkaSource commits its
offset even when the dead-letter sink fails, so that an event can vanish between log and consumer.
"""

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from shared.db.store import reconciliation
from shared.db.store.reconciliation import Unanswered
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.runtime import deadline
from shared.runtime.logging import get_logger

PATIENCE = timedelta(minutes=2)  # since the last publication
# Every tick looks an hour back; the first of an hour as far as published rows are kept.
RECENT, ALL = timedelta(hours=1), timedelta(days=7)
RESERVE = 20.0  # seconds of the budget kept for the sweep that publishes
CAUSE = Cause(actor=Actor("function", "relay"))
log = get_logger(__name__)


class Reconciliation:
    """Compares the outbox with the consumers' inboxes, skips and failures."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        lost, hopeless = self._find()
        again = 0
        for user_id, events in groupby(sorted(lost, key=_user), key=_user):
            if deadline.remaining() <= RESERVE:
                break
            again += self._republish(user_id, list(events))
        if again:
            log.warning("events had no answer and are published again", events=again)
        if hopeless:
            names = sorted({name for event in hopeless for name in event.consumers})
            log.error("events were never answered, see docs/runbooks", events=len(hopeless), consumers=names)

    def _find(self) -> tuple[list[Unanswered], list[Unanswered]]:
        with self._uow.sweep() as tx:
            since = tx.now - (ALL if tx.now.minute == 0 else RECENT)
            before = tx.now - PATIENCE
            lost = reconciliation.unanswered(tx, since=since, before=before)
            hopeless = reconciliation.unanswered(tx, since=since, before=before, exhausted=True)
        return lost, hopeless

    def _republish(self, user_id: str, events: Iterable[Unanswered]) -> int:
        with self._uow.record(user_id, CAUSE) as tx:
            return reconciliation.republish(tx, user_id, list(events))


def _user(event: Unanswered) -> str:
    return event.user_id
