"""A connection with a limit for every wait. `pool` makes them; `opening` and `uow` say how long one may wait.

The server's own timeouts end a slow statement as long as the server works. When it does not answer at all
(stopped process, proxy that forwards nothing, lost host), only this side can end the wait.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

LONGEST_WAIT = 16.0  # seconds for one answer: above every role's statement_timeout (roles.py)
ENDING_SECONDS = 0.5  # for COMMIT or ROLLBACK when the time of the transaction is over
# For the kernel: when to give up a connection that is idle, or whose bytes are not acknowledged.
NETWORK: Mapping[str, int] = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 5000,  # milliseconds
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

T = TypeVar("T")


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A psycopg connection whose `wait`, through which every exchange goes, closes it after the time
    limit.
    """

    _ends_at: float | None = None  # on the monotonic clock

    def allow(self, seconds: float | None) -> None:
        """Limit all waits from now on together to `seconds`; None: LONGEST_WAIT for each answer."""
        self._ends_at = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left of the limit; zero or less when it is over."""
        return LONGEST_WAIT if self._ends_at is None else self._ends_at - time.monotonic()

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As the driver's `wait`; OperationalError, and the connection closed, when the limit is over."""
        seconds = min(self.left(), LONGEST_WAIT if timeout is None else timeout, LONGEST_WAIT)
        try:
            return super().wait(gen, interval, timeout=max(0.0, seconds))
        except errors._WaitTimeout:  # noqa: SLF001  # the documented answer of wait(), without a public name
            # Whether the server has run the statement is unknown, so nothing can follow on this connection.
            self.close()
            raise psycopg.OperationalError("the server did not answer in time") from None

    def undo(self) -> None:
        """Roll back what is open; a connection that does not answer is closed, and the pool replaces it."""
        if self.closed or self.info.transaction_status == TransactionStatus.IDLE:
            return
        self.allow(max(self.left(), ENDING_SECONDS))
        try:
            self.execute("rollback")
        except psycopg.Error:
            self.close()


@contextmanager
def pipelined(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Statements of the block in one round trip. After a failure the connection is closed (the pool replaces
    it): the server skips everything after the failed statement, also prepared statements that the driver then
    believes to exist ("prepared statement … does not exist").
    """
    try:
        with connection.pipeline():
            yield
    except psycopg.Error:
        connection.close()
        raise
