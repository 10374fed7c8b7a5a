"""The threads that send deliveries, after the response to an event and during a tick. Started on first use,
because the process may fork after import. `turns` chooses the next user.
"""

import threading
from collections.abc import Mapping

from functions.notifications.courier import Courier
from functions.notifications.turns import Turns, places
from shared.runtime.logging import get_logger

THREADS = 16  # they wait for the network; PER_USER of them can be one user's
STOP_SECONDS = 4.0
log = get_logger(__name__)


class Sender:
    """Sends the due deliveries of the users that it is told about, several users and endpoints at a time."""

    def __init__(self, courier: Courier, *, threads: int = THREADS) -> None:
        self._courier = courier
        self._limit = threads
        self._turns = Turns()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._free = 0  # threads that wait for work
        self._stopped = False

    def notify(self, user_id: str) -> None:
        """The user has due deliveries. Returns at once and never raises."""
        with self._lock:
            self._turns.add(user_id)
            self._rouse()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is queued or being sent; False when `timeout` seconds were not enough."""
        with self._lock:
            return self._idle.wait_for(lambda: self._turns.idle, timeout)

    def stop(self) -> None:
        """Start no more attempts and let the running ones finish; those that do not are repeated after their
        lease.
        """
        with self._lock:
            self._stopped = True
            self._turns.close()
            self._work.notify_all()
        self.wait_idle(STOP_SECONDS)

    def _rouse(self) -> None:
        """Start threads for the users that wait, up to THREADS. Called with the lock held."""
        self._work.notify(self._turns.ready)
        if self._free < self._turns.ready and len(self._threads) < self._limit and not self._stopped:
            thread = threading.Thread(target=self._run, name="sender", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has none left; whoever is free takes it, or a tick
                log.warning("no thread could be started")
            else:
                self._threads.append(thread)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._free += 1
                self._work.wait_for(lambda: self._turns.ready or self._stopped)
                self._free -= 1
                turn = self._turns.take()
            if turn is None:  # stopped
                return
            self._one(*turn)

    def _one(self, user_id: str, running: Mapping[str, int]) -> None:
        assignment = None
        try:
            assignment = self._courier.claim(user_id, running=running)
        except Exception:  # the row is untouched, or keeps a lease: a tick looks again
            log.exception("nothing could be claimed", user_id=user_id)
        with self._lock:
            if assignment is None:
                self._turns.found_nothing(user_id)
                self._changed()
                return
            recipient = assignment.claimed.recipient
            self._turns.began(user_id, recipient, of=places(assignment.endpoint))
            self._changed()
        try:
            self._courier.carry(assignment)
        except Exception:  # the row keeps its lease; a tick takes it again when that has ended
            log.exception("delivery failed", user_id=user_id)
        finally:
            with self._lock:
                self._turns.ended(user_id, recipient)
                self._changed()

    def _changed(self) -> None:
        self._rouse()
        if self._turns.idle:
            self._idle.notify_all()
