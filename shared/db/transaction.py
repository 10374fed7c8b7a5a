"""What code inside a unit of work holds: identity, time, statements, events. Made only by `uow`."""

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
    """The user's row as `write` left it: `change_seq` is this transaction's change token."""

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


@dataclass
class Transaction:
    """One open transaction. `user_id` is "" in a sweep; `source` is the CloudEvents source of its events."""

    connection: "psycopg.Connection[tuple[Any, ...]]"
    user_id: str
    cause: Cause
    now: datetime
    source: str
    own_account: Account | None = None

    def __post_init__(self) -> None:
        self.events: list[Event] = []
        self.committed: list[Callable[[], None]] = []

    @property
    def account(self) -> Account:
        if self.own_account is None:
            raise RuntimeError("the account is known in uow.write() only, not in record(), read() or sweep()")
        return self.own_account

    @property
    def change_seq(self) -> int:
        return self.account.change_seq

    def act(self) -> None:
        """What follows is done as this transaction's user: for those that share a connection, see
        `UnitOfWork.write_each`.
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
        """Queue an event for the outbox; everything that the transaction knows is filled in."""
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
        from shared.events.shape import check  # with the first event, not in the wake-up of a read

        made = event(**(known | fields))
        check(made)
        self.events.append(made)
        return made

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once this transaction has committed, and never if it does not.

        It runs in the committing thread, without the connection: it must neither raise nor wait.
        """
        self.committed.append(callback)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo statements, queued events and callbacks of the block when it raises; the exception goes on."""
        queued, callbacks = len(self.events), len(self.committed)
        try:
            with self.connection.transaction():  # inside a transaction psycopg makes this a savepoint
                yield
        except BaseException:
            del self.events[queued:]
            del self.committed[callbacks:]
            raise
