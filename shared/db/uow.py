"""The unit of work: every transaction of the system begins and commits here. Called by services, the event
adapter and the publisher; repositories get the `Transaction`.

Identity is a setting of the transaction (`set_config(…, true)`), never of the session: a pooled connection
carries nothing to its next user. This is the only module that asks the database for the time.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC
from typing import Any, LiteralString

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from shared.db.pool import Connection, Database
from shared.db.store import outbox
from shared.db.transaction import Account, Cause, Transaction
from shared.domain.errors import RetryLater
from shared.domain.identity import Actor

__all__ = ["Account", "Cause", "Transaction", "UnitOfWork"]

POOL_TIMEOUT = 3.0  # seconds to wait for a free connection
_LOCK_TIMEOUT = 1.0
_IDENTITY: LiteralString = "select transaction_timestamp(), set_config('app.user_id', %s, true)"
_TIMEOUTS: LiteralString = ", set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)"
# The row lock is the user's queue: whoever has it owns the next change_seq until the commit.
# A writer with other rules of time than the user's instants follow leaves them unmarked (tzdata null), and
# `relay` derives them again: during a roll-out both kinds of writers are about.
_ACCOUNT: LiteralString = """
    insert into accounts as a (user_id, change_seq, tzdata, created_at)
    values (%s, 1, %s, coalesce(%s, transaction_timestamp()))
    on conflict (user_id) do update set change_seq = a.change_seq + 1,
      tzdata = case when split_part(a.tzdata, '>', 1) = excluded.tzdata then a.tzdata end
    returning user_id, change_seq, timezone, webhook_events, settings"""


class UnitOfWork:
    """Transactions of one function; `source` names it in events ("/taskflow/tasks").

    `on_commit(user_id)` is called after a commit that wrote outbox rows; it must neither raise nor wait.
    """

    def __init__(
        self, database: Database, *, source: str, on_commit: Callable[[str], None] | None = None
    ) -> None:
        self.database = database
        self.source = source
        self._on_commit = on_commit
        self._sweeper = Cause(Actor("function", source.rpartition("/")[2]))

    @contextmanager
    def write(self, user_id: str, cause: Cause, *, timeout: float | None = None) -> Iterator[Transaction]:
        """A change that belongs to the user's feed: takes the next change_seq, may emit events."""
        with self._run(_required(user_id), cause, "begin", timeout, account=True) as tx:
            yield tx
        if tx.events and self._on_commit is not None:
            self._on_commit(user_id)

    @contextmanager
    def record(self, user_id: str, cause: Cause, *, timeout: float | None = None) -> Iterator[Transaction]:
        """A change outside the feed (audit, deliveries, read marks, the outbox's own marks): no events."""
        with self._run(_required(user_id), cause, "begin", timeout) as tx:
            yield tx

    @contextmanager
    def read(self, user_id: str, *, timeout: float | None = None) -> Iterator[Transaction]:
        """Reads only."""
        with self._run(_required(user_id), self._sweeper, "begin read only", timeout) as tx:
            yield tx

    @contextmanager
    def sweep(self, *, timeout: float | None = None) -> Iterator[Transaction]:
        """No user: sees what the role's sweep policies in `grants.py` open, and nothing else."""
        with self._run("", self._sweeper, "begin", timeout) as tx:
            yield tx

    @contextmanager
    def _run(
        self,
        user_id: str,
        cause: Cause,
        begin: LiteralString,
        timeout: float | None,
        *,
        account: bool = False,
    ) -> Iterator[Transaction]:
        with ExitStack() as stack:
            with _translated():
                connection, row, own = self._begin(stack, user_id, begin, timeout, account=account)
            now = self.database.clock() if self.database.clock else row[0].astimezone(UTC)
            tx = Transaction(connection, user_id, cause, now, self.source, own)
            try:
                with _translated():
                    yield tx
                _commit(tx)
            except BaseException:
                _rollback(connection)
                raise
        for callback in tx.committed:
            callback()

    def _begin(
        self,
        stack: ExitStack,
        user_id: str,
        begin: LiteralString,
        timeout: float | None,
        *,
        account: bool,
    ) -> tuple[Connection, tuple[Any, ...], Account | None]:
        """One round trip: BEGIN, identity, timeouts and the account's row, pipelined."""
        if timeout is not None and timeout <= 0:
            raise RetryLater("no time is left for a transaction", code="deadline_exceeded")
        wait = POOL_TIMEOUT if timeout is None else min(POOL_TIMEOUT, timeout)
        for retried in (False, True):
            checkout = ExitStack()
            connection = checkout.enter_context(self.database.connection(timeout=wait))
            try:
                found = self._pipelined(connection, user_id, begin, timeout, account=account)
            except psycopg.OperationalError:
                dead = connection.closed
                _rollback(connection)
                checkout.close()
                if retried or not dead:
                    raise
                # The pool kept a connection that the server had closed; nothing of ours ran on it.
                self.database.discard_dead()
            except BaseException:
                _rollback(connection)
                checkout.close()
                raise
            else:
                stack.push(checkout.pop_all())
                return connection, *found
        raise AssertionError("unreachable")

    def _pipelined(
        self,
        connection: Connection,
        user_id: str,
        begin: LiteralString,
        timeout: float | None,
        *,
        account: bool,
    ) -> tuple[tuple[Any, ...], Account | None]:
        identity, params = _IDENTITY, [user_id]
        if timeout is not None:
            identity += _TIMEOUTS
            params += [_millis(timeout), _millis(min(timeout * 0.9, _LOCK_TIMEOUT))]
        clock = self.database.clock
        with connection.pipeline():
            connection.execute(begin)
            begun = connection.execute(identity, params)
            values = (user_id, _tzdata_version(), clock() if clock else None) if account else ()
            bumped = connection.execute(_ACCOUNT, values) if account else None
        row, own = begun.fetchone(), bumped.fetchone() if bumped else None
        assert row is not None
        return row, Account(own[0], own[1], own[2], tuple(own[3]), own[4]) if own else None


def _tzdata_version() -> str:
    from shared.domain import zones  # costs a wake-up milliseconds: not before the first write

    return zones.tzdata_version()


def _required(user_id: str) -> str:
    if not user_id:
        raise ValueError("user_id is empty; only sweep() has no user")
    return user_id


def _millis(seconds: float) -> str:
    return f"{max(1, int(seconds * 1000))}ms"


def _commit(tx: Transaction) -> None:
    """Outbox rows and COMMIT in one round trip."""
    connection = tx.connection
    if connection.info.transaction_status == TransactionStatus.INERROR:
        # PostgreSQL would answer COMMIT with a silent rollback.
        raise RuntimeError("a statement failed and its error was caught; wrap such statements in savepoint()")
    try:
        with connection.pipeline() if tx.events else nullcontext():
            outbox.insert(tx, tx.events)
            # Not prepared: when an insert fails, the server skips the rest of the pipeline, and the driver
            # may then believe in a prepared COMMIT that does not exist, on a connection that others get.
            connection.execute("commit", prepare=False)
    except psycopg.OperationalError as error:
        if connection.closed:
            message = "the connection was lost during commit: the outcome is unknown"
            raise RetryLater(message, code="outcome_unknown") from error
        raise _passing(error) from error
    except psycopg.Error:
        # The pipeline broke: the driver counts as prepared what the server has never read.
        connection.close()  # the pool replaces it
        raise


def _rollback(connection: Connection) -> None:
    if connection.closed or connection.info.transaction_status == TransactionStatus.IDLE:
        return
    try:
        connection.execute("rollback")
    except psycopg.Error:
        connection.close()  # the pool replaces it


@contextmanager
def _translated() -> Iterator[None]:
    """Faults that pass become RetryLater; everything else (a broken constraint, a bug) goes on as it is."""
    try:
        yield
    except (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout) as error:
        raise _passing(error) from error


def _passing(error: psycopg.Error) -> RetryLater:
    """Psycopg files connection loss (08), deadlock and serialization (40), resources (53), locks (55),
    cancellation and shutdown (57) and pool timeouts under OperationalError.
    """
    if isinstance(error, errors.LockNotAvailable | errors.DeadlockDetected | errors.SerializationFailure):
        return RetryLater("another change of the same data is in progress", code="busy")
    if isinstance(error, errors.QueryCanceled):
        return RetryLater("the database took too long", code="database_timeout")
    return RetryLater("the database cannot be reached", code="database_unavailable")
