"""Replays transient dead letters: publishes their events again, with the same ids, until the consumer has
handled them or refuses them finally. Called by the tick, before the outbox sweep.

`passes` and `knowable` decide which letters, when they are stored; the repository keeps when
(`next_replay_at`).
"""

from collections.abc import Iterable
from http import HTTPStatus
from itertools import groupby
from uuid import UUID

from shared.db.repositories.dead_letters import DeadLetters, Due, Replayed, Replays
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.events.catalog import consumers
from shared.messaging.cloudevent import CloudEvent
from shared.runtime import deadline
from shared.runtime.logging import get_logger

PAGE, PAGES = 200, 10  # events in one page, pages in one tick
RESERVE = 20.0  # seconds of the budget kept for the sweep that publishes
STUBBORN = 6  # replays without success after which a warning is logged
CAUSE = Cause(actor=Actor("function", "relay"))
_RETRIED = frozenset({404, 408, 409, 429})  # and every 5xx: what the dispatcher itself tries again
log = get_logger(__name__)


def passes(status: int | None, error_class: str | None) -> bool:
    """Whether a failure may pass: by the error class of our function, else by the status of its Service."""
    if error_class is not None:
        return error_class != "permanent"
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRIED


def knowable(event: CloudEvent, consumer: str) -> bool:
    """Whether a success can be recognised by an inbox row: only consumers of the catalog write one. And only
    our own events, whose ids are UUIDs, can be published again from the outbox.
    """
    return consumer in consumers(event.type, frozenset(event.extensions)) and _is_uuid(event.id)


class Replay:
    """Replays the letters that are due, a limited number in one tick, one user after the other."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Replay what is due; a user whose turn fails, or whose outbox is in use, is tried by the next
        tick.
        """
        done = Replayed()
        for _ in range(PAGES):
            due = self._due()
            moved = Replayed()
            for user_id, letters in groupby(sorted(due, key=_user), key=_user):
                if deadline.remaining() <= RESERVE:
                    break
                moved = _sum(moved, self._replay(user_id, letters))
            done = _sum(done, moved)
            if len(due) < PAGE or moved == Replayed():
                break
        if done.pending or done.answered:
            log.info("dead letters replayed", events=done.pending, answered=done.answered)
        if done.gone:
            log.error("dead letters are older than the outbox and are not replayed", events=done.gone)

    def _due(self) -> list[Due]:
        with self._uow.sweep() as tx:
            return DeadLetters(tx).due(limit=PAGE)

    def _replay(self, user_id: str, letters: Iterable[Due]) -> Replayed:
        due = list(letters)
        stubborn = sorted({letter.consumer for letter in due if letter.replays >= STUBBORN})
        if stubborn:
            message = "an event keeps failing, see docs/runbooks/dead-letters.md"
            log.error(message, user_id=user_id, consumers=stubborn)
        try:
            with self._uow.record(user_id, CAUSE) as tx:
                return Replays(tx).run(due)
        except Exception:  # one user's failure must not keep the others waiting
            log.exception("dead letters of a user could not be replayed", user_id=user_id)
            return Replayed()


def _sum(one: Replayed, other: Replayed) -> Replayed:
    return Replayed(
        answered=one.answered + other.answered,
        pending=one.pending + other.pending,
        gone=one.gone + other.gone,
    )


def _user(letter: Due) -> str:
    return letter.user_id


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
