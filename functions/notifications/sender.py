"""The threads that deliver, behind the response of an event and within a tick. Started on first use,
since the process may have forked after import.
"""

import queue
import threading

from functions.notifications.courier import Courier
from shared.runtime.logging import get_logger

THREADS = 4
STOP_SECONDS = 4.0
log = get_logger(__name__)


class Sender:
    """Works through the due deliveries of users it is told about, several endpoints at a time."""

    def __init__(self, courier: Courier, *, threads: int = THREADS) -> None:
        self._courier = courier
        self._limit = threads
        self._users: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._state = threading.Condition()
        self._queued: set[str] = set()
        self._working = 0
        self._threads: list[threading.Thread] = []
        self._stopped = False

    def notify(self, user_id: str) -> None:
        """The user has due deliveries. Returns at once and never raises."""
        with self._state:
            if self._stopped or user_id in self._queued:
                return
            self._queued.add(user_id)
            if len(self._threads) < min(self._limit, self._working + len(self._queued)):
                thread = threading.Thread(target=self._work, name="sender", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._users.put(user_id)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is queued or being sent; False when `timeout` seconds were not enough."""
        with self._state:
            return self._state.wait_for(lambda: not self._queued and not self._working, timeout)

    def stop(self) -> None:
        """Take nothing more and let running attempts finish; an expired lease heals what does not."""
        with self._state:
            self._stopped = True
            self._queued.clear()
            threads = list(self._threads)
        for _ in threads:
            self._users.put(None)
        self.wait_idle(STOP_SECONDS)

    def _work(self) -> None:
        while (user_id := self._users.get()) is not None:
            with self._state:
                self._queued.discard(user_id)
                if self._stopped:
                    return
                self._working += 1
            try:
                self._one(user_id)
            except Exception:  # the row keeps its lease; a tick takes it again when that has ended
                log.exception("delivery failed", user_id=user_id)
            finally:
                with self._state:
                    self._working -= 1
                    self._state.notify_all()

    def _one(self, user_id: str) -> None:
        assignment = self._courier.claim(user_id)
        if assignment is None:
            return
        self.notify(user_id)  # there may be more: another thread goes on while this one waits
        self._courier.carry(assignment)
