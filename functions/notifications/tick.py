"""The minute tick: digests, retries whose time has come, what quiet hours held back and what a process died
over. Called by the adapter.
"""

from functions.notifications.digests import DigestSweep
from functions.notifications.sender import Sender
from shared.db.repositories.deliveries import DueDeliveries
from shared.db.uow import UnitOfWork
from shared.runtime import deadline
from shared.runtime.logging import get_logger

USERS = 50  # a page
RESERVE = 2.0  # seconds of the budget kept for the answer
log = get_logger(__name__)


class Tick:
    """Everything that a minute brings, in order."""

    def __init__(self, uow: UnitOfWork, sender: Sender) -> None:
        self._digests = DigestSweep(uow)
        self._deliveries = Sweep(uow, sender)

    def run(self) -> None:
        """Digests first: they are quick, and the deliveries use what time is left."""
        self._digests.run()
        self._deliveries.run()


class Sweep:
    """Hands users with due deliveries to the sender, until there are none or the budget is used."""

    def __init__(self, uow: UnitOfWork, sender: Sender) -> None:
        self._uow = uow
        self._sender = sender

    def run(self) -> None:
        """The answer waits for the sender: while a request is open, the process is not scaled away."""
        visited: list[str] = []
        while (left := deadline.remaining() - RESERVE) > 0 and (users := self._due_users(visited)):
            visited.extend(users)
            for user_id in users:
                self._sender.notify(user_id)
            self._sender.wait_idle(left)
        log.info("deliveries swept", users=len(visited))

    def _due_users(self, visited: list[str]) -> list[str]:
        with self._uow.sweep() as tx:
            return DueDeliveries(tx).users(limit=USERS, excluding=visited)
