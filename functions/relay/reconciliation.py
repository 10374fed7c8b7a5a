"""Publishes again, with the same ids, the events that never reached an expected consumer. Called by the tick.

A KafkaSource commits its offset even when the dead-letter sink fails, so an event can get lost between log
and consumer; `shared/db/store/reconciliation.py` says how that is found out.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

from shared.db.store import reconciliation
from shared.db.store.reconciliation import Unanswered
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.runtime import deadline
from shared.runtime.logging import get_logger

PATIENCE = timedelta(minutes=2)  # since the last publication
RECENT, KEPT = timedelta(hours=1), timedelta(days=7)  # as far as published rows are kept
SLICE = KEPT / 60
OVERLAP = timedelta(minutes=5)  # the window moves on while its slices are looked at
RESERVE = 20.0  # seconds of the budget kept for the sweep that publishes
CAUSE = Cause(actor=Actor("function", "relay"))
log = get_logger(__name__)


def windows(now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """The times of publication that the tick of this minute looks at: the last hour, and one of sixty
    slices of the week before, so that sixty ticks look at all of it.
    """
    oldest = now - KEPT + now.minute * SLICE
    return (now - RECENT, now), (oldest - OVERLAP, oldest + SLICE + OVERLAP)


class Reconciliation:
    """Compares the outbox with the consumers' inboxes, skips and failures."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Send lost events again; a user whose turn fails is tried again by the next tick."""
        lost, hopeless = self._find(exhausted=False), self._find(exhausted=True)
        again = 0
        for user_id, events in groupby(sorted(lost, key=_user), key=_user):
            if deadline.remaining() <= RESERVE:
                break
            again += self._republish(user_id, events)
        if again:
            log.warning("events had no answer and are published again", events=again)
        if hopeless:
            names = sorted({name for event in hopeless for name in event.consumers})
            message = "events were never answered, see docs/runbooks/reconciliation.md"
            log.error(message, events=len(hopeless), consumers=names)

    def _find(self, *, exhausted: bool) -> list[Unanswered]:
        found: dict[tuple[str, int, int], Unanswered] = {}
        with self._uow.sweep() as tx:
            before = tx.now - PATIENCE
            for since, until in windows(tx.now):
                for event in reconciliation.unanswered(
                    tx, since=since, until=until, before=before, exhausted=exhausted
                ):
                    found[event.user_id, event.seq, event.n] = event
        return list(found.values())

    def _republish(self, user_id: str, events: Iterable[Unanswered]) -> int:
        try:
            with self._uow.record(user_id, CAUSE) as tx:
                return reconciliation.republish(tx, user_id, list(events))
        except Exception:  # one user's failure must not keep the others waiting
            log.exception("lost events of a user could not be published again", user_id=user_id)
            return 0


def _user(event: Unanswered) -> str:
    return event.user_id
