"""Derives the instants of open tasks and of their reminders again, when the rules of time have changed.
Called by `tasks` when a user moves to another zone and by `relay` when this process has a newer tzdata.

Wall times stay as they are. The instants that they mean under the user's zone and the tzdata of this process
are written; a second call changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.db.connection import pipelined
from shared.db.repositories.reminders import Reminders
from shared.db.transaction import Transaction
from shared.domain.task import Task, public_fields
from shared.domain.task_reminders import ReminderRow, moved
from shared.events.base import changes_between
from shared.events.task import TaskChanged, TaskUpdated

BATCH = 500  # tasks in one transaction
USERS_ZONE = ("date", "floating")  # kinds of due that depend on the user's zone, if they name none
ANY_ZONE = ("date", "floating", "zoned")  # kinds of due that depend on any zone
_FIRST = UUID(int=0)
_PAGE = """
select id, title, due_kind, due_wall, timezone, due_at, due_sort, reminders, reminder_sent, series_id,
  occurrence_key, version, created_at, updated_at
from tasks
where user_id = %s and id > %s and status = 'open' and deleted_at is null and due_kind = any(%s)
order by id limit %s"""
_WRITE = """
update tasks set due_at = %(due_at)s, due_sort = %(due_sort)s, reminder_sent = %(reminder_sent)s,
  version = %(version)s, change_seq = %(change_seq)s, last_change = 'updated'
where user_id = %(user_id)s and id = %(id)s"""


@dataclass(frozen=True, kw_only=True)
class Derived(Task):
    """An open task with the columns that its instants need; the others have their defaults."""

    due_sort: datetime


class DerivedInstants:
    """The derived instants of the transaction's user; needs `write`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def refresh(
        self, kinds: Collection[str], *, after: UUID | None = None, limit: int = BATCH
    ) -> UUID | None:
        """Derive the `limit` tasks after the id `after` again; returns the last id if there may be more."""
        page = self._tx.fetch(Derived, _PAGE, (self._tx.user_id, after or _FIRST, list(kinds), limit))
        known = Reminders(self._tx).of_tasks([task.id for task in page])
        with pipelined(self._tx.connection):  # one round trip, however many statements
            for task in page:
                self._refresh(task, known.get(task.id, ()))
        return page[-1].id if len(page) == limit else None

    def _refresh(self, before: Derived, rows: Sequence[ReminderRow]) -> None:
        zone = self._tx.account.timezone
        assert before.due is not None
        after = replace(before, due_at=before.due.at(zone), due_sort=before.due.sort_at(zone))
        plan = moved(after, rows, user_zone=zone, now=self._tx.now)
        if after == before and not plan.differs:
            return
        Reminders(self._tx).replace(before, plan)
        after = replace(after, reminder_sent=before.reminder_sent and not plan.scheduled)
        if after.due_at != before.due_at:
            after = replace(after, version=before.version + 1)  # and no updated_at: nobody edited it
        self._write(after)
        self._announce(before, after)

    def _write(self, task: Derived) -> None:
        self._tx.execute(
            _WRITE,
            {
                "due_at": task.due_at,
                "due_sort": task.due_sort,
                "reminder_sent": task.reminder_sent,
                "version": task.version,
                "change_seq": self._tx.change_seq,
                "user_id": self._tx.user_id,
                "id": task.id,
            },
        )

    def _announce(self, before: Derived, after: Derived) -> None:
        """Emit an event if the due has moved, and always the hint for live clients."""
        identity = {"task_id": after.id, "task_version": after.version}
        if after.version != before.version:
            changes = changes_between(public_fields(before), public_fields(after))
            self._tx.emit(TaskUpdated, **identity, recurring=after.recurring, changes=changes)
        self._tx.emit(TaskChanged, **identity, change_token=self._tx.change_seq)


class OutdatedAccounts:
    """The users whose instants follow an older tzdata (role `relay`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def users(self, version: str, *, limit: int, after: str = "") -> list[str]:
        """Users with an id above `after` whose instants follow an older version, are only partly derived with
        this one, or follow an unknown one; in order of their ids.

        Users with a newer version are left out: while two versions of `relay` run, the older one must not
        undo the work of the newer.
        """
        rows = self._tx.execute(
            """select user_id from accounts
               where (tzdata is null or tzdata < %(version)s or tzdata like %(version)s || '>%%')
                 and user_id > %(after)s
               order by user_id limit %(limit)s""",
            {"version": version, "after": after, "limit": limit},
        ).fetchall()
        return [row[0] for row in rows]
