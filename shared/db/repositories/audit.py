"""All SQL about the audit chain of one user: `audit` appends under the lock of the head, `tasks` reads."""

from uuid import UUID

from shared.db import locks
from shared.db.columns import Columns, insert, listed
from shared.db.uow import Transaction
from shared.domain.audit_chain import GENESIS, Entry, Head, Link, link
from shared.domain.errors import Conflict

_LINK: Columns = (
    "seq", "event_id", "type", "task_id", "task_version", "occurred_at", "recorded_at", "entry", "hash",
)  # fmt: skip
STORED: Columns = ("user_id", *_LINK)
_INSERT = insert("audit_entries", STORED)
BEFORE_ALL = -(2**62)  # a seq: an entry forged below 1 must be seen too


class AuditLog:
    """The audit log of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def lock_head(self) -> Head:
        """The head, locked until commit, so that appends of one user happen one after the other.

        The first append of a user inserts it; if two are concurrent, the second waits for the first.
        """
        user_id = self._tx.user_id
        self._tx.execute(
            "insert into audit_heads (user_id, seq, hash) values (%s, 0, %s) on conflict do nothing",
            (user_id, GENESIS),
        )
        head = self._tx.fetch_one(
            Head, "select seq, hash from audit_heads where user_id = %s for update", (user_id,)
        )
        if head is None:
            raise RuntimeError("audit_heads: the row just inserted is not visible; check the row policies")
        return head

    def has(self, event_id: UUID) -> bool:
        """Whether the event is in the log. An inbox row is forgotten after 30 days, an entry never."""
        found = self._tx.execute(
            "select 1 from audit_entries where user_id = %s and event_id = %s", (self._tx.user_id, event_id)
        )
        return found.fetchone() is not None

    def append(self, head: Head, entry: Entry) -> Head:
        """Link `entry` to the locked `head`; returns the new head."""
        text = entry.canonical()
        digest = link(head.hash, text)
        row = vars(entry) | {"user_id": self._tx.user_id, "entry": text, "hash": digest}
        self._tx.execute(_INSERT, row)
        self._tx.execute(
            "update audit_heads set seq = %s, hash = %s where user_id = %s",
            (entry.seq, digest, self._tx.user_id),
        )
        return Head(entry.seq, digest)

    def head(self) -> Head:
        """The recorded head; that of an empty chain before the first entry."""
        sql = "select seq, hash from audit_heads where user_id = %s"
        return self._tx.fetch_one(Head, sql, (self._tx.user_id,)) or Head()

    def newest(self, *, before: int | None, limit: int) -> list[Link]:
        """Entries in descending order of seq, those below `before` if given."""
        sql = (
            f"select {listed(_LINK)} from audit_entries where user_id = %(user_id)s"
            " and (%(before)s::bigint is null or seq < %(before)s) order by seq desc limit %(limit)s"
        )
        return self._tx.fetch(Link, sql, {"user_id": self._tx.user_id, "before": before, "limit": limit})

    def of_task(self, task_id: UUID, *, after: tuple[int, int], limit: int) -> list[Link]:
        """A task's entries by (version, seq), those after that pair; (-1, 0) is the start."""
        sql = (
            f"select {listed(_LINK)} from audit_entries where user_id = %(user_id)s and task_id = %(task_id)s"
            " and (coalesce(task_version, 0), seq) > (%(version)s, %(seq)s)"
            " order by coalesce(task_version, 0), seq limit %(limit)s"
        )
        version, seq = after
        values = {"user_id": self._tx.user_id, "task_id": task_id, "version": version, "seq": seq}
        return self._tx.fetch(Link, sql, {**values, "limit": limit})

    def begin_check(self) -> None:
        """One check of a user's log at a time, until the transaction ends; Conflict for any other."""
        if not locks.try_lock(self._tx, locks.AUDIT_CHECK, self._tx.user_id):
            raise Conflict("This log is being checked already.", code="verification_in_progress")

    def following(self, after: int, *, upto: int, limit: int) -> list[Link]:
        """The next entries in order, after the seq `after` (`BEFORE_ALL` for the first page)."""
        sql = (
            f"select {listed(_LINK)} from audit_entries where user_id = %s and seq > %s and seq <= %s"
            " order by seq limit %s"
        )
        return self._tx.fetch(Link, sql, (self._tx.user_id, after, upto, limit))

    def beyond_head(self) -> int | None:
        """The first seq above the recorded head; None unless somebody has forged entries.

        One statement sees head and entries as of one moment, also while entries are appended.
        """
        sql = (
            "select min(seq) from audit_entries where user_id = %(user_id)s and seq >"
            " (select coalesce(max(seq), 0) from audit_heads where user_id = %(user_id)s)"
        )
        row = self._tx.execute(sql, {"user_id": self._tx.user_id}).fetchone()
        return row[0] if row else None
