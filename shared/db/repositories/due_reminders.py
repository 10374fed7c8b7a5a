"""SQL of the reminder sweep: who has reminders due (over all users), and taking those of one user.
Called by `reminders` only; planning reminders is `repositories/reminders`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db.uow import Transaction
from shared.domain.due import Kind

_DUE = """
select r.id, r.task_id, r.remind_at, r.channels, t.title, t.version, t.due_kind, t.due_wall, t.due_at,
  t.series_id is not null as recurring, t.status = 'open' and t.deleted_at is null as live
from reminders r join tasks t on t.user_id = r.user_id and t.id = r.task_id
where r.user_id = %(user_id)s and r.state = 'scheduled' and r.remind_at <= %(now)s
order by r.remind_at, r.id limit %(limit)s for update of r skip locked"""


@dataclass(frozen=True)
class DueReminder:
    """A reminder whose time has come; not `live`: its task was ended or deleted meanwhile."""

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


class DueReminders:
    """Which users have reminders due, over all users (role `ticker`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def users(self, *, limit: int, excluding: Collection[str] = ()) -> list[str]:
        """Users with due reminders, the longest waiting first."""
        sql = (
            "select user_id from reminders where state = 'scheduled' and remind_at <= %s"
            " and user_id <> all(%s) group by user_id order by min(remind_at), user_id limit %s"
        )
        rows = self._tx.execute(sql, (self._tx.now, list(excluding), limit)).fetchall()
        return [row[0] for row in rows]


class TakenReminders:
    """The due reminders of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def take(self, *, limit: int) -> list[DueReminder]:
        """Oldest first, locked until commit. A row that somebody else holds is skipped: it is theirs."""
        values = {"user_id": self._tx.user_id, "now": self._tx.now, "limit": limit}
        return self._tx.fetch(DueReminder, _DUE, values)

    def mark(self, ids: Sequence[UUID], *, state: str) -> None:
        self._tx.execute(
            "update reminders set state = %s, updated_at = %s where user_id = %s and id = any(%s)",
            (state, self._tx.now, self._tx.user_id, list(ids)),
        )

    def mark_tasks(self, task_ids: Sequence[UUID]) -> None:
        """`reminder_sent` is shown to live clients but is no edit: the version stays."""
        self._tx.execute(
            "update tasks set reminder_sent = true, change_seq = %s, last_change = 'updated'"
            " where user_id = %s and id = any(%s)",
            (self._tx.change_seq, self._tx.user_id, list(task_ids)),
        )

    def emitted(self, event_ids: Sequence[UUID]) -> set[UUID]:
        """Which of these events are in the outbox already."""
        rows = self._tx.execute(
            "select event_id from outbox where user_id = %s and event_id = any(%s)",
            (self._tx.user_id, list(event_ids)),
        )
        return {row[0] for row in rows.fetchall()}
