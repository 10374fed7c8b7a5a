"""The unit of work: every transaction of the system begins and commits here. Called by services, the event
adapter and the publisher; repositories get the `Transaction`.

Every transaction has a time limit: `timeout`, or what is left for the request, event or tick. After it the
transaction ends with RetryLater, whether the server is slow, has stopped or cannot be reached; only the
commit may take ENDING_SECONDS longer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from shared.db.connection import ENDING_SECONDS, Connection
from shared.db.opening import Opening, begin, count_each
from shared.db.pool import Database
from shared.db.sqlstate import exceeds_a_limit
from shared.db.store import outbox
from shared.db.transaction import Account, Cause, Transaction
from shared.domain.errors import RetryLater
from shared.domain.identity import Actor

__all__ = ["Account", "Cause", "Transaction", "UnitOfWork"]


class UnitOfWork:
    """Transactions of one function; `source` names it in events ("/taskflow/tasks").

    A block commits when it ends and rolls back when it raises. Every block raises RetryLater for a fault
    that passes. `on_commit(user_id)` is called after a commit that wrote outbox rows; it must neither raise
    nor wait.

    >>> from shared.events.account import AccountChanged
    >>> uow = UnitOfWork(database, source="/taskflow/tasks")
    >>> with uow.write(user_id, Cause(Actor("user", user_id))) as tx:
    ...     event = tx.emit(AccountChanged, resource="settings", resource_id=user_id, action="updated")
    >>> with uow.read(user_id) as tx:
    ...     tx.execute("select seq, type, published_at from outbox").fetchall()
    [(1, 'io.taskflow.account.changed.v1', None)]
    """

    def __init__(
        self, database: Database, *, source: str, on_commit: Callable[[str], None] | None = None
    ) -> None:
        self.database = database
        self.source = source
        self._on_commit = on_commit
        self._sweeper = Cause(Actor("function", source.rpartition("/")[2]))

    @contextmanager
    def write(
        self, user_id: str, cause: Cause, *, key: str | None = None, timeout: float | None = None
    ) -> Iterator[Transaction]:
        """A change of the user's data. Locks the account row, takes the next change_seq, may emit events.

        Conflict when another transaction of the user with the same `key` is still running.
        """
        opening = Opening(_required(user_id), account=True, key=key, timeout=timeout)
        with self._run(cause, opening) as tx:
            yield tx

    @contextmanager
    def write_each(
        self, user_ids: Iterable[str], cause: Cause, *, timeout: float | None = None
    ) -> Iterator[list[Transaction]]:
        """As `write`, for several users in one transaction: it saves round trips, and commits all or nothing.

        Statements run as the user whose `tx.act()` was called last, under row-level security as always.
        """
        ids = sorted({_required(user_id) for user_id in user_ids})
        with ExitStack() as stack:
            with _translated():
                begun = begin(stack, self.database, Opening("", timeout=timeout))
            connection = begun.connection
            try:
                with _translated():
                    accounts = count_each(connection, ids, self.database.clock)
                    each = [
                        Transaction(connection, own.user_id, cause, begun.now, self.source, own)
                        for own in accounts
                    ]
                    yield each
                _commit(each, connection)
            except BaseException:
                connection.undo()
                raise
        for tx in each:
            self._committed(tx)

    def _committed(self, tx: Transaction) -> None:
        for callback in tx.committed:
            callback()
        if tx.events and self._on_commit is not None:
            self._on_commit(tx.user_id)

    @contextmanager
    def record(self, user_id: str, cause: Cause, *, timeout: float | None = None) -> Iterator[Transaction]:
        """A change without a change_seq and without events: audit, deliveries, read marks, marks of the
        outbox.
        """
        with self._run(cause, Opening(_required(user_id), timeout=timeout)) as tx:
            yield tx

    @contextmanager
    def read(self, user_id: str, *, timeout: float | None = None) -> Iterator[Transaction]:
        """A read-only transaction of the user."""
        with self._run(self._sweeper, Opening(_required(user_id), "begin read only", timeout=timeout)) as tx:
            yield tx

    @contextmanager
    def sweep(self, *, timeout: float | None = None) -> Iterator[Transaction]:
        """A transaction without a user: sees only the rows that the sweep policies of its role allow
        (`grants`).
        """
        with self._run(self._sweeper, Opening("", timeout=timeout)) as tx:
            yield tx

    @contextmanager
    def _run(self, cause: Cause, opening: Opening) -> Iterator[Transaction]:
        with ExitStack() as stack:
            with _translated():
                begun = begin(stack, self.database, opening)
            tx = Transaction(begun.connection, opening.user_id, cause, begun.now, self.source, begun.account)
            try:
                with _translated():
                    yield tx
                _commit([tx], begun.connection)
            except BaseException:
                begun.connection.undo()
                raise
        self._committed(tx)


def _required(user_id: str) -> str:
    if not user_id:
        raise ValueError("user_id is empty; only sweep() has no user")
    return user_id


def _commit(each: Sequence[Transaction], connection: Connection) -> None:
    """Outbox rows and COMMIT in one round trip. When the time is over no COMMIT is sent: so the outcome is
    certain.
    """
    if connection.info.transaction_status == TransactionStatus.INERROR:
        # PostgreSQL would answer COMMIT with a silent rollback.
        raise RuntimeError("a statement failed and its error was caught; wrap such statements in savepoint()")
    if connection.left() <= 0:
        raise RetryLater("the transaction took too long", code="deadline_exceeded")
    connection.allow(max(connection.left(), ENDING_SECONDS))
    try:
        with connection.pipeline() if any(tx.events for tx in each) else nullcontext():
            for tx in each:
                if tx.events and len(each) > 1:
                    tx.act()
                outbox.insert(tx)
            # Not prepared: when an insert fails, the server skips the rest of the pipeline, and the driver
            # may then believe in a prepared COMMIT that does not exist, on a connection that others get.
            connection.execute("commit", prepare=False)
    except psycopg.Error as error:
        if connection.closed:
            message = "the connection was lost during commit: the outcome is unknown"
            raise RetryLater(message, code="outcome_unknown") from error
        # The pipeline broke: the driver counts as prepared what the server has never read.
        connection.close()  # the pool replaces it
        with _translated():  # deferred constraints and triggers speak at COMMIT
            raise


@contextmanager
def _translated() -> Iterator[None]:
    """Turn faults that pass into RetryLater; everything else (a broken constraint, a bug) is raised
    unchanged.
    """
    try:
        yield
    except (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout) as error:
        if exceeds_a_limit(error):
            raise
        raise _passing(error) from error


def _passing(error: psycopg.Error) -> RetryLater:
    """The RetryLater for an OperationalError. Psycopg raises that for connection loss (class 08), deadlock
    and serialization (40), resources (53), locks (55), cancellation and shutdown (57) and pool timeouts.
    """
    if isinstance(error, errors.LockNotAvailable | errors.DeadlockDetected | errors.SerializationFailure):
        return RetryLater("another change of the same data is in progress", code="busy")
    if isinstance(error, errors.QueryCanceled):
        return RetryLater("the database took too long", code="database_timeout")
    return RetryLater("the database cannot be reached", code="database_unavailable")
