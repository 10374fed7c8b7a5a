"""All SQL about what follows from the rules of time zones: the instants of open tasks and their reminders.
Called by `tasks` when a user moves to another zone and by `relay` when the tzdata is newer than they are.

Wall times stay as they are; whatever else they give under the user's zone and the tzdata of this process
is written, so that calling it twice changes nothing.
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
USERS_ZONE = ("date", "floating")  # dues that the user's own zone decides, where they name none
ANY_ZONE = ("date", "floating", "zoned")  # dues that the rules of some zone decide
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
    """An open task as far as its instants go."""

    due_sort: datetime


class DerivedInstants:
    """The derived instants of the transaction's user; needs `write`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def refresh(
        self, kinds: Collection[str], *, after: UUID | None = None, limit: int = BATCH
    ) -> UUID | None:
        """Derive the next `limit` tasks after that id again; the last id if there may be more."""
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
        """An event where the due moved; the feed's hint for whatever a client may show."""
        identity = {"task_id": after.id, "task_version": after.version}
        if after.version != before.version:
            changes = changes_between(public_fields(before), public_fields(after))
            self._tx.emit(TaskUpdated, **identity, recurring=after.recurring, changes=changes)
        self._tx.emit(TaskChanged, **identity, change_token=self._tx.change_seq)


class OutdatedAccounts:
    """Whose instants follow older rules, over all users (role `relay`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def users(self, version: str, *, limit: int, after: str = "") -> list[str]:
        """Users after that one whose instants are older than `version`, half derived under it, or of
        unknown rules, in order of their ids.

        Newer ones are left alone: while two versions run, the older `relay` must not undo the newer.
        """
        rows = self._tx.execute(
            """select user_id from accounts
               where (tzdata is null or tzdata < %(version)s or tzdata like %(version)s || '>%%')
                 and user_id > %(after)s
               order by user_id limit %(limit)s""",
            {"version": version, "after": after, "limit": limit},
        ).fetchall()
        return [row[0] for row in rows]
