"""Connections to PostgreSQL: a lazy pool for one process and one role. `opening` takes its connections here.

Nothing exists before first use, and a forked child starts anew. Connections are in autocommit mode:
`opening` writes BEGIN itself, pipelined with the identity.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from weakref import WeakSet

import psycopg

from shared.db import instants
from shared.db.connection import LONGEST_WAIT, NETWORK, Connection

Clock = Callable[[], datetime]

_databases: "WeakSet[Database]" = WeakSet()
_inherited: list[
    Any
] = []  # pools of a parent process, kept from the garbage collector, which would close them
# The database counts as down after this wait for a connection while nobody has one. Until one can be made,
# requests then wait only a moment, so that they do not queue behind waits that cannot succeed.
_VAIN_SECONDS = 2.0
_DOWN_SECONDS = 0.1
_PREPARE_SECONDS = 1.0  # to connect ahead of need; under _VAIN_SECONDS, so that failing is no outage
_PREPARE_AFTER = 5  # executions; a process that wakes for one request never pays for preparing


class Database:
    """One database as one role. Thread-safe.

    `remaining` tells how many seconds the request, event or tick of the calling thread has left; a
    transaction without a timeout of its own takes no longer. `clock` replaces the database's time in tests.
    A DSN may carry `prepare_threshold=none` for a transaction pooler that does not know prepared statements
    (PgBouncer < 1.22).

    >>> database = Database(dsn, max_size=2)  # connects at first use
    >>> with database.connection(timeout=3) as connection:
    ...     connection.execute("select current_user").fetchone()
    ('api',)
    >>> database.close()
    """

    def __init__(
        self,
        dsn: str,
        *,
        max_size: int = 8,
        remaining: Callable[[], float] = lambda: LONGEST_WAIT,
        clock: Clock | None = None,
        application_name: str = "taskflow",
    ) -> None:
        self.remaining = remaining
        self.clock = clock
        self._dsn, self._prepare_threshold = _split(dsn)
        self._max_size = max_size
        self._application_name = application_name
        self._lock = threading.Lock()
        self._pool: Any = None  # psycopg_pool.ConnectionPool, imported on first use
        self._in_use: set[Connection] = set()
        self._down = False  # until the next connection is made
        _databases.add(self)

    @contextmanager
    def connection(self, *, timeout: float = 3.0) -> Iterator[Connection]:
        """A connection in autocommit mode; psycopg.OperationalError when none is free after `timeout` s."""
        pool = self._open()
        connection = self._from(pool, min(timeout, _DOWN_SECONDS) if self._down else timeout)
        connection.allow(None)
        try:
            yield connection
        finally:
            self._in_use.discard(connection)
            pool.putconn(connection)

    def _from(self, pool: Any, timeout: float) -> Connection:  # Any: see _open
        try:
            connection: Connection = pool.getconn(timeout)
        except psycopg.OperationalError:
            if timeout >= _VAIN_SECONDS and not self._in_use:
                self._down = True
            raise
        self._in_use.add(connection)
        return connection

    def prepare(self) -> None:
        """Make a connection that the first transaction finds; OperationalError if there is none soon."""
        with self.connection(timeout=_PREPARE_SECONDS):
            pass

    def discard_idle(self) -> None:
        """Replace all idle connections after one was found dead: a restart or a lost network ends them all.

        Nothing is sent on them, because none may answer; those in use are replaced when they come back.
        """
        self._open().drain()

    def close(self) -> None:
        """Close every connection; the next use opens the pool again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def forget(self) -> None:
        """In a forked child: leave the connections of the parent alone. Closing them would end the
        parent's.
        """
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._in_use = set()
        if self._pool is not None:
            _inherited.append(self._pool)
            self._pool = None

    def _open(self) -> Any:
        with self._lock:
            if self._pool is None:
                self._pool = self._connect()
            return self._pool

    def _connect(self) -> Any:
        from psycopg_pool import ConnectionPool  # threads start here, not at import

        return ConnectionPool(
            self._dsn,
            connection_class=Connection,
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
                "prepare_threshold": self._prepare_threshold,
                **NETWORK,
            },
        )

    def _configure(self, connection: Connection) -> None:
        self._down = False
        instants.register(connection)


def _after_fork() -> None:
    for database in list(_databases):
        database.forget()


os.register_at_fork(after_in_child=_after_fork)


def _split(dsn: str) -> tuple[str, int | None]:
    """The DSN without `prepare_threshold`, and its value."""
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
