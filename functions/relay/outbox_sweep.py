"""Publishes what the publisher threads left behind: their process died, or the log was down."""

from collections.abc import Callable

from shared.db.store import outbox
from shared.db.uow import UnitOfWork
from shared.domain.errors import RetryLater
from shared.messaging.ports import Publisher, PublishError
from shared.runtime import deadline
from shared.runtime.lifecycle import on_stop
from shared.runtime.logging import get_logger
from shared.runtime.publisher import drain

RESERVE = 10.0  # seconds of the budget kept for what follows the sweep
CLOSE_SECONDS = 2.0
log = get_logger(__name__)


class OutboxSweep:
    """Drains every user with pending rows, the longest waiting first; keeps its publisher warm."""

    def __init__(self, uow: UnitOfWork, connect: Callable[[], Publisher]) -> None:
        self._uow = uow
        self._connect = connect
        self._publisher: Publisher | None = None

    def run(self) -> None:
        """Ends when nothing is pending, when nothing moves (other drains are at it), or with its time."""
        published = refused = 0
        while deadline.remaining() > RESERVE:
            with self._uow.sweep() as tx:
                users = outbox.users_pending(tx)
            done = [self._drain(user_id) for user_id in users if deadline.remaining() > RESERVE]
            moved = sum(one for one, _ in done)
            published, refused = published + moved, refused + sum(bad for _, bad in done)
            if moved == 0:
                break
        self._report(published, refused)

    def _drain(self, user_id: str) -> tuple[int, int]:
        """One user. A log that cannot be reached ends the sweep: the next tick finds the same rows."""
        if self._publisher is None:
            self._publisher = self._connect()
            on_stop(self._close)
        try:
            result = drain(self._uow, self._publisher, user_id, seconds=deadline.remaining() - RESERVE / 2)
        except RetryLater:
            log.warning("a user's outbox could not be drained", user_id=user_id)
            return 0, 0
        except PublishError as error:
            raise RetryLater("The message log cannot be reached.", code="log_unavailable") from error
        return result.published, result.refused

    def _close(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close(timeout=CLOSE_SECONDS)

    def _report(self, published: int, refused: int) -> None:
        with self._uow.sweep() as tx:
            left = outbox.backlog(tx)
            age = (tx.now - left.oldest).total_seconds() if left.oldest else 0.0
        log.info(
            "outbox swept",
            published=published,
            refused=refused,
            pending=left.pending,
            oldest_seconds=round(age, 1),
        )
        if left.dead:
            log.error("outbox rows are dead, see docs/runbooks", dead=left.dead)
