"""The minute tick: digests, due retries, deliveries after quiet hours, and those whose process has died.
Called by the event adapter.
"""

from functions.notifications.digests import DigestSweep
from functions.notifications.sender import Sender
from shared.db.repositories.deliveries import DueDeliveries
from shared.db.uow import UnitOfWork
from shared.runtime import deadline
from shared.runtime.logging import get_logger

USERS = 10_000  # that are handed over at once; the others' turn comes with the next tick
RESERVE = 2.0  # seconds of the budget kept for the answer
log = get_logger(__name__)


class Tick:
    """The work of one tick."""

    def __init__(self, uow: UnitOfWork, sender: Sender) -> None:
        self._uow = uow
        self._sender = sender
        self._digests = DigestSweep(uow)

    def run(self) -> None:
        """Hand the due users to the sender and write digests meanwhile; then wait for the sender."""
        users = self._due_users()
        for user_id in users:
            self._sender.notify(user_id)
        self._digests.run()
        # The answer waits for the sender: while a request is open, the process is not scaled away.
        done = self._sender.wait_idle(max(0.0, deadline.remaining() - RESERVE))
        log.info("deliveries swept", users=len(users), done=done)

    def _due_users(self) -> list[str]:
        with self._uow.sweep() as tx:
            return DueDeliveries(tx).users(limit=USERS)
