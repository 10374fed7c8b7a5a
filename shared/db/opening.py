"""How a transaction begins: BEGIN, identity, timeouts, key and account in one round trip. Used by `uow`.

The user is a setting of the transaction (`set_config(…, true)`), never of the session, so that the next user
of a pooled connection does not inherit it. This is the only module that asks the database for the time.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg

from shared.db import locks
from shared.db.connection import LONGEST_WAIT, Connection, pipelined
from shared.db.pool import Clock, Database
from shared.db.transaction import ACT, Account
from shared.domain.errors import Conflict, RetryLater

POOL_SECONDS = 3.0  # for a free connection
BEGIN_SECONDS = 2.0  # for BEGIN with the wait for the account's row (1 s) on a live server
GRACE_SECONDS = 0.5  # the server's own timeout ends a statement first, so that the connection survives
_LOCK_SECONDS = 1.0
_IDENTITY: LiteralString = "select transaction_timestamp(), set_config('app.user_id', %s, true)"
_TIMEOUTS: LiteralString = ", set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)"
# The lock of the row puts the writers of one user in order: the holder has the next change_seq until it
# commits. A writer whose tzdata is not the one that the user's instants follow sets the column to null, and
# `relay` derives the instants again: during a roll-out there are writers with both versions.
_VALUES: LiteralString = "values (%s, 1, %s, coalesce(%s, transaction_timestamp()))"
# A repeated request must not wait for the row behind the request that it repeats: it does not get the lock of
# the key, and so inserts and locks no row.
_VALUES_ONCE: LiteralString = """
    select %s, 1, %s, coalesce(%s::timestamptz, transaction_timestamp())
    where pg_try_advisory_xact_lock(%s, %s)"""
_ACCOUNT: tuple[LiteralString, LiteralString] = (
    "insert into accounts as a (user_id, change_seq, tzdata, created_at) ",
    """
    on conflict (user_id) do update set change_seq = a.change_seq + 1,
      tzdata = case when split_part(a.tzdata, '>', 1) = excluded.tzdata then a.tzdata end
    returning user_id, change_seq, timezone, webhook_events, settings""",
)


@dataclass(frozen=True)
class Opening:
    """How to begin a transaction. `user_id` is "" in a sweep. `account`: lock the account row and take the
    next change_seq; `key` is reserved before that. `timeout` is in seconds.
    """

    user_id: str
    begin: LiteralString = "begin"
    account: bool = False
    key: str | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Begun:
    """A transaction that has begun, and the account's row if it was asked for."""

    connection: Connection
    now: datetime
    account: Account | None


def begin(stack: ExitStack, database: Database, opening: Opening) -> Begun:
    """Begin on a connection that goes back to the pool when `stack` ends. Raises RetryLater when no time is
    left, and psycopg.OperationalError.

    A connection that the server closed, or does not answer on, while it was idle is replaced once: no
    statement of this transaction has run on it.
    """
    seconds = database.remaining() if opening.timeout is None else opening.timeout
    if seconds <= 0:
        raise RetryLater("no time is left for a transaction", code="deadline_exceeded")
    end = time.monotonic() + seconds + GRACE_SECONDS
    for retried in (False, True):
        checkout = ExitStack()
        wait = min(POOL_SECONDS, seconds, end - time.monotonic())
        connection = checkout.enter_context(database.connection(timeout=wait))
        try:
            connection.allow(min(BEGIN_SECONDS, end - time.monotonic()))
            begun = _exchange(connection, database.clock, opening, seconds)
        except BaseException as error:
            dead = connection.closed and isinstance(error, psycopg.OperationalError)
            connection.undo()
            checkout.close()
            if retried or not dead:
                raise
            database.discard_idle()
        else:
            connection.allow(end - time.monotonic())
            stack.push(checkout.pop_all())
            return begun
    raise AssertionError("unreachable")


def count_each(connection: Connection, user_ids: Sequence[str], clock: Clock | None) -> list[Account]:
    """Lock the accounts of several users and take their next change_seq, in the order given, in one round
    trip.

    The order must be the same everywhere, else two transactions can wait for each other (deadlock).
    """
    at = clock() if clock else None
    with pipelined(connection):
        counted = []
        for user_id in user_ids:
            connection.execute(ACT, (user_id,))
            counted.append(_count(connection, Opening(user_id), at))
    return [_account(row) for cursor in counted if (row := cursor.fetchone())]


def _account(row: tuple[Any, ...]) -> Account:
    user_id, change_seq, timezone, webhook_events, settings = row
    return Account(user_id, change_seq, timezone, tuple(webhook_events), settings)


def _exchange(connection: Connection, clock: Clock | None, opening: Opening, seconds: float) -> Begun:
    identity, params = _IDENTITY, [opening.user_id]
    if seconds < LONGEST_WAIT:  # otherwise the role's own timeouts hold
        identity += _TIMEOUTS
        params += [_millis(seconds), _millis(min(seconds * 0.9, _LOCK_SECONDS))]
    at = clock() if clock else None
    with connection.pipeline():
        connection.execute(opening.begin)
        begun = connection.execute(identity, params)
        bumped = _count(connection, opening, at) if opening.account else None
    row, own = begun.fetchone(), bumped.fetchone() if bumped else None
    assert row is not None
    if bumped and own is None:
        raise Conflict("A request with this key is still running.", code="idempotency_in_progress")
    return Begun(connection, at or row[0].astimezone(UTC), _account(own) if own else None)


def _count(connection: Connection, opening: Opening, at: datetime | None) -> psycopg.Cursor[tuple[Any, ...]]:
    from shared.domain import zones  # costs a wake-up milliseconds: not before the first write

    insert, on_conflict = _ACCOUNT
    values = (opening.user_id, zones.tzdata_version(), at)
    if opening.key is None:
        return connection.execute(insert + _VALUES + on_conflict, values)
    lock = locks.lock_keys(locks.IDEMPOTENCY, opening.user_id, opening.key)
    return connection.execute(insert + _VALUES_ONCE + on_conflict, (*values, *lock))


def _millis(seconds: float) -> str:
    return f"{max(1, int(seconds * 1000))}ms"
