"""SQL of the reminder sweep: which reminders are due (of all users), and taking those of several users.
Called by `reminders` only; planning reminders is `repositories/reminders`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from shared.db.connection import pipelined
from shared.db.uow import Transaction
from shared.domain.due import Kind

_START = datetime(1, 1, 2, tzinfo=UTC), UUID(int=0)
# One statement takes the due reminders of a user, marks them, and marks their tasks, however many they are.
# A changed `reminder_sent` is sent to live clients, but is no edit: the version of the task stays.
_TAKE: LiteralString = """
with due as (
  select r.id, r.task_id, r.remind_at, r.channels, t.title, t.version, t.due_kind, t.due_wall, t.due_at,
    t.series_id is not null as recurring, t.status = 'open' and t.deleted_at is null as live
  from reminders r join tasks t on t.user_id = r.user_id and t.id = r.task_id
  where r.user_id = %(user_id)s and r.state = 'scheduled' and r.remind_at <= %(now)s
  order by r.remind_at, r.id limit %(limit)s for update of r skip locked),
marked as (
  update reminders r set state = case when due.live then 'sent' else 'cancelled' end, updated_at = %(now)s
  from due where r.user_id = %(user_id)s and r.id = due.id),
shown as (
  update tasks t set reminder_sent = true, change_seq = %(change_seq)s, last_change = 'updated'
  where t.user_id = %(user_id)s and t.id in (select due.task_id from due where due.live))
select * from due order by remind_at, id"""


@dataclass(frozen=True)
class DueReminder:
    """A due reminder with its task. `live` is false if the task was completed or deleted meanwhile."""

    id: UUID
    task_id: UUID
    remind_at: datetime
    channels: list[str]
    title: str
    version: int
    due_kind: Kind | None
    due_wall: datetime | None
    due_at: datetime | None
    recurring: bool
    live: bool


@dataclass(frozen=True)
class Waiting:
    """A due reminder as the sweep over all users reads it; (remind_at, id) is its position."""

    user_id: str
    remind_at: datetime
    id: UUID


class DueReminders:
    """Which reminders are due, over all users (role `ticker`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def page(self, *, after: Waiting | None, limit: int) -> list[Waiting]:
        """The next ones in the order of their instants, after the one given."""
        at, last = (after.remind_at, after.id) if after else _START
        return self._tx.fetch(
            Waiting,
            """select user_id, remind_at, id from reminders
               where state = 'scheduled' and remind_at <= %s and (remind_at, id) > (%s, %s)
               order by remind_at, id limit %s""",
            (self._tx.now, at, last, limit),
        )


class TakenReminders:
    """The due reminders of the users whose transactions these are, see `UnitOfWork.write_each`."""

    def __init__(self, each: Sequence[Transaction]) -> None:
        self._each = each

    def take(self, *, limit: int) -> list[list[DueReminder]]:
        """Take at most `limit` of each user, oldest first, and mark them: sent if live, else cancelled.

        They are locked until commit; a row that another process has locked is skipped.
        """
        cursors = []
        with pipelined(self._each[0].connection):
            for tx in self._each:
                tx.act()
                cursor = tx.connection.cursor(row_factory=class_row(DueReminder))
                values = {"user_id": tx.user_id, "now": tx.now, "limit": limit, "change_seq": tx.change_seq}
                cursors.append(cursor.execute(_TAKE, values))
        return [cursor.fetchall() for cursor in cursors]

    def emitted(self, event_ids: Sequence[Sequence[UUID]]) -> set[UUID]:
        """Which of these events (one sequence for each user) are in the outbox already."""
        cursors = []
        with pipelined(self._each[0].connection):
            for tx, ids in zip(self._each, event_ids, strict=True):
                if ids:
                    tx.act()
                    sql = "select event_id from outbox where user_id = %s and event_id = any(%s)"
                    cursors.append(tx.execute(sql, (tx.user_id, list(ids))))
        return {row[0] for cursor in cursors for row in cursor.fetchall()}
