"""The transaction that a unit of work hands to its block: the user, the time, statements and events.
Made only by `uow`; used by repositories, verbs and event handlers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from shared.domain.identity import Actor, uuid7
from shared.domain.webhook import matches
from shared.events.base import Event

Params = Sequence[Any] | Mapping[str, Any]  # whatever psycopg can adapt
ACT: LiteralString = "select set_config('app.user_id', %s, true)"
T = TypeVar("T")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Account:
    """The user's row of `accounts` in a `write`; `change_seq` is the change token of this transaction."""

    user_id: str
    change_seq: int
    timezone: str
    webhook_events: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Cause:
    """Who asked for a change, and in which request and trace."""

    actor: Actor
    request_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Emitted:
    """A queued event, and its data as JSON values: made once, for the check, the outbox and an answer."""

    event: Event
    data: Mapping[str, Any]


@dataclass
class Transaction:
    """One open transaction. `user_id` is "" in a sweep; `source` is the CloudEvents source of its events.

    `now` is the database's time at the begin; statements take it as a parameter. An error of the database
    that can pass (lost connection, deadlock) leaves the unit of work as RetryLater.

    >>> from shared.db.uow import UnitOfWork
    >>> cause = Cause(Actor("user", user_id), request_id="req-1")
    >>> with UnitOfWork(database, source="/taskflow/tasks").write(user_id, cause) as tx:
    ...     tx.after_commit(lambda: print("committed"))
    ...     tx.change_seq, tx.account.timezone
    ...     tx.fetch_one(Cause, "select 'anna' as actor, %s as request_id", (cause.request_id,))
    (1, 'UTC')
    Cause(actor='anna', request_id='req-1', traceparent=None)
    committed
    """

    connection: "psycopg.Connection[tuple[Any, ...]]"
    user_id: str
    cause: Cause
    now: datetime
    source: str
    own_account: Account | None = None

    def __post_init__(self) -> None:
        self.events: list[Emitted] = []
        self.committed: list[Callable[[], None]] = []

    @property
    def account(self) -> Account:
        """The user's account; RuntimeError outside of `write` and `write_each`."""
        if self.own_account is None:
            raise RuntimeError("the account is known in uow.write() only, not in record(), read() or sweep()")
        return self.own_account

    @property
    def change_seq(self) -> int:
        """The change token of this transaction; needs a `write`."""
        return self.account.change_seq

    def act(self) -> None:
        """Run the following statements as this transaction's user. Needed only where several transactions
        share a connection, see `UnitOfWork.write_each`.
        """
        self.connection.execute(ACT, (self.user_id,))

    def execute(self, sql: LiteralString, params: Params = ()) -> "psycopg.Cursor[tuple[Any, ...]]":
        """Run one statement; prepared by the driver once it has run often enough on this connection."""
        return self.connection.execute(sql, params or None)

    def execute_all(self, sql: LiteralString, rows: Sequence[Params]) -> None:
        """Run one statement for every row, in as many round trips as for one."""
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(sql, rows)

    def fetch(self, model: type[T], sql: LiteralString, params: Params = ()) -> list[T]:
        """Every row as `model(**columns)`."""
        with self.connection.cursor(row_factory=class_row(model)) as cursor:
            return cursor.execute(sql, params or None).fetchall()

    def fetch_one(self, model: type[T], sql: LiteralString, params: Params = ()) -> T | None:
        """The first row as `model(**columns)`, or None."""
        with self.connection.cursor(row_factory=class_row(model)) as cursor:
            return cursor.execute(sql, params or None).fetchone()

    def emit(self, event: type[E], **fields: Any) -> E:
        """Queue an event for the outbox; ids, user, time, actor and request are filled in.

        TypeError if a field has a wrong type; needs a `write` transaction.
        """
        known: dict[str, Any] = {
            "event_id": uuid7(self.now),
            "user_id": self.user_id,
            "task_id": None,
            "task_version": None,
            "occurred_at": self.now,
            "actor": self.cause.actor.as_dict(),
            "request_id": self.cause.request_id,
            "webhooks": matches(self.account.webhook_events, event.type),
        }
        from shared.events.shape import checked_data  # with the first event, not in the wake-up of a read

        made = event(**(known | fields))
        self.events.append(Emitted(made, checked_data(made)))
        return made

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once this transaction has committed, and never if it does not.

        It runs in the committing thread, without the connection: it must neither raise nor wait.
        """
        self.committed.append(callback)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the statements, events and callbacks of the block if it raises; the exception is raised on."""
        queued, callbacks = len(self.events), len(self.committed)
        try:
            with self.connection.transaction():  # inside a transaction psycopg makes this a savepoint
                yield
        except BaseException:
            del self.events[queued:]
            del self.committed[callbacks:]
            raise
