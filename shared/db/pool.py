"""Connections to PostgreSQL: a lazy pool for one process and one role. `uow` takes its connections here.

Nothing exists before first use (gunicorn forks after import). Connections are in autocommit mode: `uow`
writes BEGIN itself, pipelined with the identity.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg

from shared.db import instants

Clock = Callable[[], datetime]
Connection = psycopg.Connection[tuple[Any, ...]]

_PREPARE_AFTER = 5  # executions; a process that wakes for one request never pays for preparing


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
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


class Database:
    """One database as one role. Thread-safe.

    `clock` replaces the database's time in tests. A DSN may carry `prepare_threshold=none` for
    a transaction pooler that does not know prepared statements (PgBouncer < 1.22).
    """

    def __init__(
        self,
        dsn: str,
        *,
        max_size: int = 8,
        clock: Clock | None = None,
        application_name: str = "taskflow",
    ) -> None:
        self.clock = clock
        self._dsn, self._prepare_threshold = _split(dsn)
        self._max_size = max_size
        self._application_name = application_name
        self._lock = threading.Lock()
        self._pool: Any = None  # psycopg_pool.ConnectionPool, imported on first use

    @contextmanager
    def connection(self, *, timeout: float = 3.0) -> Iterator[Connection]:
        """A connection in autocommit mode; psycopg.OperationalError when none is free after `timeout` s."""
        pool = self._open()
        connection: Connection = pool.getconn(timeout)
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def discard_dead(self) -> None:
        """Replace idle connections that the server has closed, all at once after one was found."""
        self._open().check()

    def ping(self) -> None:
        """One round trip; raises psycopg.Error when the database cannot be reached."""
        with self.connection() as connection:
            connection.execute("select 1")

    def close(self) -> None:
        """Close every connection; the next use opens the pool again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _open(self) -> Any:
        with self._lock:
            if self._pool is None:
                self._pool = self._connect()
            return self._pool

    def _connect(self) -> Any:
        from psycopg_pool import ConnectionPool  # threads start here, not at import

        return ConnectionPool(
            self._dsn,
            min_size=0,
            max_size=self._max_size,
            open=True,
            configure=self._configure,
            timeout=3.0,
            max_lifetime=300.0,
            max_idle=60.0,
            reconnect_timeout=3.0,
            num_workers=1,
            name="database",
            kwargs={
                "autocommit": True,
                "application_name": self._application_name,
                "connect_timeout": 3,
                "prepare_threshold": self._prepare_threshold,
            },
        )

    @staticmethod
    def _configure(connection: Connection) -> None:
        instants.register(connection)


def _split(dsn: str) -> tuple[str, int | None]:
    """The DSN without our own option, and the option."""
    if "prepare_threshold" not in dsn:
        return dsn, _PREPARE_AFTER
    if "://" not in dsn:  # keyword=value words
        words = dsn.split()
        (ours,) = [word for word in words if word.startswith("prepare_threshold=")]
        words.remove(ours)
        wanted = ours.partition("=")[2].lower()
        return " ".join(words), None if wanted == "none" else int(wanted)
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    wanted = query.pop("prepare_threshold", str(_PREPARE_AFTER)).lower()
    rest = urlunsplit(parts._replace(query=urlencode(query)))
    # urlunsplit drops the empty authority's slashes of postgresql:///name
    if rest.startswith("postgresql:/") and not rest.startswith("postgresql://"):
        rest = rest.replace("postgresql:/", "postgresql:///", 1)
    return rest, None if wanted == "none" else int(wanted)
