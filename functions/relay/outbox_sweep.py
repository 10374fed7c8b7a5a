"""Publishes the outbox rows that the publisher threads have left: their process died, or the log was down.
Called by the tick.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shared.db.store import outbox
from shared.db.uow import UnitOfWork
from shared.domain.errors import RetryLater
from shared.messaging.ports import Publisher, PublishError
from shared.runtime import deadline
from shared.runtime.lifecycle import on_stop
from shared.runtime.logging import get_logger
from shared.runtime.publisher import PUBLISH_SECONDS, Drained, publish

RESERVE = 10.0  # seconds of the budget kept for what follows the sweep
CLOSE_SECONDS = 2.0
PAGE = 1000  # users that are looked up at once
CROWD, ROWS = 50, 500  # users and rows in one transaction and one call to the log
IMPATIENT_SECONDS = 0.5  # for one user alone, after rows of somebody could not be published
HOPELESS = 10  # users in a row without an acknowledgement: then the log itself is down
log = get_logger(__name__)


@dataclass
class Tally:
    """The counts of this tick; `failing` counts the users since the last acknowledgement."""

    published: int = 0
    refused: int = 0
    failed_users: int = 0
    failing: int = 0

    def add(self, drained: Drained) -> int:
        """Rows that are no longer due."""
        self.published += drained.published
        self.refused += drained.refused
        if drained.published or drained.refused:
            self.failing = 0
        return drained.published + drained.refused


class OutboxSweep:
    """Publishes the pending rows of all users in rounds, of each user a limited number of rows per round. The
    publisher stays connected between ticks.

    Several users are published together until one of them fails. Then each is published alone and for a short
    time, so that an unreachable partition or a broken row of one user delays the others little.
    """

    def __init__(self, uow: UnitOfWork, connect: Callable[[], Publisher]) -> None:
        self._uow = uow
        self._connect = connect
        self._publisher: Publisher | None = None

    def run(self) -> None:
        """Run rounds until nothing is pending, nothing moves (other drains hold the users), or the time
        is used.
        """
        tally = Tally()
        try:
            while self._round(tally) and deadline.remaining() > RESERVE:
                pass
        finally:
            self._report(tally)
        if tally.failed_users and not tally.published:
            raise RetryLater("The message log cannot be reached.", code="log_unavailable")

    def _round(self, tally: Tally) -> int:
        """One turn of every user; returns the number of rows that moved."""
        moved = 0
        for crowd in self._crowds():
            if deadline.remaining() <= RESERVE or tally.failing >= HOPELESS:
                return 0
            moved += self._together(crowd, tally) if tally.failed_users == 0 else self._each(crowd, tally)
        return moved

    def _crowds(self) -> Iterator[list[str]]:
        """All users with pending rows, shuffled page by page: a failing user must not come first every
        time.
        """
        after = ""
        while page := self._page(after):
            after = page[-1]
            random.shuffle(page)
            yield from (page[at : at + CROWD] for at in range(0, len(page), CROWD))

    def _page(self, after: str) -> list[str]:
        with self._uow.sweep() as tx:
            return outbox.users_pending(tx, after=after, limit=PAGE)

    def _together(self, crowd: Sequence[str], tally: Tally) -> int:
        try:
            return tally.add(self._publish(crowd, PUBLISH_SECONDS))
        except Exception as error:  # noqa: BLE001 (whose rows they are is found out one by one)
            log.warning("users are published one by one", users=len(crowd), reason=type(error).__name__)
            return self._each(crowd, tally)

    def _each(self, crowd: Sequence[str], tally: Tally) -> int:
        moved = 0
        for user_id in crowd:
            if deadline.remaining() <= RESERVE or tally.failing >= HOPELESS:
                break
            moved += self._alone(user_id, tally)
        return moved

    def _alone(self, user_id: str, tally: Tally) -> int:
        """Publish one user. If it fails, its rows stay for the next tick and the other users go on."""
        try:
            return tally.add(self._publish([user_id], IMPATIENT_SECONDS if tally.failed_users else 2.0))
        except (PublishError, RetryLater) as error:
            log.warning("a user's outbox could not be drained", user_id=user_id, reason=str(error))
        except Exception:  # a bug, perhaps of this user's rows only
            log.exception("a user's outbox could not be drained", user_id=user_id)
        tally.failed_users += 1
        tally.failing += 1
        return 0

    def _publish(self, crowd: Sequence[str], seconds: float) -> Drained:
        """One batch of the users that nobody else drains, in one transaction around the call to the log."""
        if self._publisher is None:
            self._publisher = self._connect()
            on_stop(self._close)
        with self._uow.sweep() as tx:
            users = outbox.try_locks(tx, crowd)
            rows = outbox.pending_of(tx, users, limit=ROWS)
            return publish(tx, self._publisher, rows, seconds) if rows else Drained()

    def _close(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close(timeout=CLOSE_SECONDS)

    def _report(self, tally: Tally) -> None:
        with self._uow.sweep() as tx:
            left = outbox.backlog(tx)
            age = (tx.now - left.oldest).total_seconds() if left.oldest else 0.0
        log.info(
            "outbox swept",
            published=tally.published,
            refused=tally.refused,
            failed_users=tally.failed_users,
            pending=left.pending,
            oldest_seconds=round(age, 1),
        )
        if left.dead:
            log.error("outbox rows are dead, see docs/runbooks/outbox.md", dead=left.dead)
