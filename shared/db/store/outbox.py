"""The transactional outbox: statements only. `uow` inserts, the publisher thread and `relay` drain.

A drain holds the user's advisory lock from `try_lock` to its commit, so the events of one user are published
in the order of (seq, n), which is the order of commits (`uow`). A row that the log refuses for its content is
tried five times with growing pauses and is then dead. Later rows of the user do not wait for it, so it can
arrive after them: consumers compare `task_version` before they change state.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from shared.db import locks
from shared.db.transaction import Emitted, Transaction
from shared.domain.errors import LimitExceeded

MAX_DATA_BYTES = 65_536  # CloudEvents intermediaries must forward no more (spec 1.0.2, size limits)
MAX_ATTEMPTS = 5
_FIRST_PAUSE = timedelta(seconds=10)
_EXTENSIONS = 9  # the column of `pending` that is stored as names

_COLUMNS: LiteralString = """user_id, seq, n, event_id, topic, type, source, subject, schema_version,
  extensions, traceparent, data, occurred_at, attempts"""
# One statement, however many events. They travel as one JSON text, which costs this side the least.
_INSERT: LiteralString = """
insert into outbox (user_id, seq, n, source, traceparent, event_id, topic, type, subject, schema_version,
  extensions, data, occurred_at)
select %s, %s, e.n, %s, %s, e.event_id, e.topic, e.type, e.subject, e.schema_version,
  string_to_array(e.extensions, ','), e.data, e.occurred_at
from json_to_recordset(%s::json) as e (n smallint, event_id uuid, topic text, type text, subject text,
  schema_version smallint, extensions text, data text, occurred_at timestamptz)"""
# Rows to publish at `now`; every statement of a drain uses this condition, so that they agree on the rows.
_DUE: LiteralString = (
    "published_at is null and dead_at is null and (next_attempt_at is null or next_attempt_at <= %(now)s)"
)


@dataclass(frozen=True)
class OutboxRow:
    """One event waiting to be published; `data` is the exact JSON text."""

    user_id: str
    seq: int
    n: int
    event_id: UUID
    topic: str
    type: str
    source: str
    subject: str | None
    schema_version: int
    extensions: Mapping[str, str]
    traceparent: str | None
    data: str
    occurred_at: datetime
    attempts: int


@dataclass(frozen=True)
class Backlog:
    """The state of the outbox, for metrics: `oldest` is the earliest occurred_at of a pending row."""

    pending: int
    dead: int
    oldest: datetime | None


def insert(tx: Transaction) -> None:
    """Write the events of `tx` as (seq, 0), (seq, 1), …; LimitExceeded above 64 KiB of data."""
    if not tx.events:
        return
    rows = json.dumps([_row(n, emitted) for n, emitted in enumerate(tx.events)], ensure_ascii=False)
    tx.execute(_INSERT, (tx.user_id, tx.change_seq, tx.source, tx.cause.traceparent, rows))


def _row(n: int, emitted: Emitted) -> dict[str, object]:
    event = emitted.event
    data = json.dumps(emitted.data, ensure_ascii=False, separators=(",", ":"))
    if len(data.encode()) > MAX_DATA_BYTES:
        raise LimitExceeded(f"the event {event.type} exceeds {MAX_DATA_BYTES} bytes", too_large=True)
    return {
        "n": n,
        "event_id": str(event.event_id),
        "topic": event.topic,
        "type": event.type,
        "subject": str(event.task_id) if event.task_id else None,
        "schema_version": event.schema_version,
        "extensions": ",".join(sorted(event.extensions())),
        "data": data,
        "occurred_at": event.occurred_at.isoformat(),
    }


def try_lock(tx: Transaction, user_id: str) -> bool:
    """Become the only drain of `user_id` until the transaction ends; False: there is another one."""
    return locks.try_lock(tx, locks.OUTBOX, user_id)


def try_locks(tx: Transaction, user_ids: Sequence[str]) -> list[str]:
    """`try_lock` for several users in one statement; returns the users whose lock was free."""
    return locks.try_locks(tx, locks.OUTBOX, user_ids)


def publish_again(tx: Transaction, user_id: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Make these events pending again, with the same ids; returns those that the outbox still has.

    Call `try_lock` first: a drain that has read its batch already would mark them published without sending.
    """
    found = tx.execute(
        """update outbox set published_at = case when dead_at is null then null else published_at end
           where user_id = %s and event_id = any (%s) returning event_id""",
        (user_id, list(event_ids)),
    )
    return {row[0] for row in found}


def publish_period_again(tx: Transaction, since: datetime, until: datetime, *, limit: int = 10_000) -> int:
    """Make what was published in [since, until) pending again, with its ids; how many, the oldest first.
    Sweep: role `relay`, after the log was lost.
    """
    return tx.execute(
        """update outbox set published_at = null where (user_id, seq, n) in
             (select user_id, seq, n from outbox
              where published_at >= %s and published_at < %s order by published_at limit %s)""",
        (since, until, limit),
    ).rowcount


def pending(tx: Transaction, user_id: str, *, limit: int = 500) -> list[OutboxRow]:
    """The user's next rows to publish, in (seq, n) order. Call `try_lock` first."""
    found = tx.execute(
        f"""select {_COLUMNS}
            from outbox where user_id = %(user_id)s and {_DUE} order by seq, n limit %(limit)s""",  # noqa: S608 (our own words)
        {"user_id": user_id, "now": tx.now, "limit": limit},
    )
    return [_read(list(row)) for row in found]


def pending_of(tx: Transaction, user_ids: Sequence[str], *, limit: int) -> list[OutboxRow]:
    """The next rows of several users, each user's together and in order, for each at most an equal share of
    `limit`. Call `try_locks` first. Sweep: role `relay`.
    """
    found = tx.execute(
        f"""select o.* from unnest(%(users)s::text[]) with ordinality as u (user_id, place)
            cross join lateral (select {_COLUMNS} from outbox
              where user_id = u.user_id and {_DUE} order by seq, n limit %(share)s) o
            order by u.place, o.seq, o.n""",  # noqa: S608 (our own words)
        {"users": list(user_ids), "now": tx.now, "share": max(1, limit // max(1, len(user_ids)))},
    )
    return [_read(list(row)) for row in found]


def _read(values: list[Any]) -> OutboxRow:
    values[_EXTENSIONS] = dict.fromkeys(values[_EXTENSIONS], "true")
    return OutboxRow(*values)


def mark_published(tx: Transaction, rows: Sequence[OutboxRow]) -> int:
    """Mark rows that the log has acknowledged; they must have been read in this transaction, under the locks
    of their users. Returns how many.
    """
    return tx.execute(
        """update outbox set published_at = %s, last_error = null where (user_id, seq, n) in
             (select * from unnest(%s::text[], %s::bigint[], %s::smallint[]))""",
        (tx.now, [row.user_id for row in rows], [row.seq for row in rows], [row.n for row in rows]),
    ).rowcount


def mark_failed(tx: Transaction, row: OutboxRow, error: str) -> bool:
    """Count an attempt for a row that the log refused for its content (not: a log that cannot be reached).

    True when the row is dead now. Mark the acknowledged rows before it first; the rows after it stay due.
    """
    attempts = row.attempts + 1
    dead = attempts >= MAX_ATTEMPTS
    tx.execute(
        """update outbox set attempts = %s, last_error = %s, dead_at = %s, next_attempt_at = %s
           where user_id = %s and seq = %s and n = %s""",
        (
            attempts,
            error.replace("\0", "")[:500],
            tx.now if dead else None,
            None if dead else tx.now + _FIRST_PAUSE * 2 ** (attempts - 1),
            row.user_id,
            row.seq,
            row.n,
        ),
    )
    return dead


def users_pending(tx: Transaction, *, after: str = "", limit: int = 1000) -> list[str]:
    """Users with rows to publish whose id is greater than `after`, in order of their ids. Sweep.

    The statement jumps from user to user in the index: a user with a million rows takes no longer than
    others.
    """
    found = tx.execute(
        f"""with recursive users as (
              (select user_id from outbox where user_id > %(after)s and published_at is null
                 and dead_at is null order by user_id limit 1)
              union all
              select (select o.user_id from outbox o where o.user_id > users.user_id
                and o.published_at is null and o.dead_at is null order by o.user_id limit 1)
              from users where users.user_id is not null)
            select user_id from users where user_id is not null and exists
              (select from outbox o where o.user_id = users.user_id and {_DUE})
            order by user_id limit %(limit)s""",  # noqa: S608 (our own words)
        {"after": after, "now": tx.now, "limit": limit},
    )
    return [row[0] for row in found]


def backlog(tx: Transaction) -> Backlog:
    """Counts over all users. Sweep: role `relay`.

    One part for each partial index: one pass for both would read the table, where published rows stay a week.
    """
    row = tx.execute(
        """select count(*), (select count(*) from outbox where published_at is null and dead_at is not null),
             min(occurred_at)
           from outbox where published_at is null and dead_at is null"""
    ).fetchone()
    assert row is not None
    return Backlog(*row)
