"""A connection that never waits for ever. `pool` makes them; `opening` and `uow` say how long one may wait.

The server's own timeouts end a slow statement while the server lives. Against a server that does not answer
at all (stopped, behind a proxy that forwards nothing, its host gone without a word) only this side can act.
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
# The kernel's part, for sockets that nobody waits on and for bytes that nobody acknowledges.
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
    """Every exchange of the driver passes `wait`; one that is not answered in time closes the connection."""

    _ends_at: float | None = None  # on the monotonic clock

    def allow(self, seconds: float | None) -> None:
        """From now on everything together may wait `seconds`; None: only LONGEST_WAIT for each answer."""
        self._ends_at = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that may still be waited, zero or less when there are none."""
        return LONGEST_WAIT if self._ends_at is None else self._ends_at - time.monotonic()

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As the driver's, which all of its statements, pipelines and savepoints go through."""
        seconds = min(self.left(), LONGEST_WAIT if timeout is None else timeout, LONGEST_WAIT)
        try:
            return super().wait(gen, interval, timeout=max(0.0, seconds))
        except errors._WaitTimeout:  # noqa: SLF001  # the documented answer of wait(), without a public name
            # Nobody knows what the server has done with it: neither this statement nor a rollback can follow.
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
    """Statements in one round trip. After a failure the connection ends and the pool replaces it: the
    server skips what follows the failed statement, and the driver would go on to use prepared statements
    that were among it ("prepared statement … does not exist").
    """
    try:
        with connection.pipeline():
            yield
    except psycopg.Error:
        connection.close()
        raise
