"""SQL of the purge: tasks that have been in the trash for long enough, of all users and of one. Called by
`relay`. Of series and occurrences it changes only what belongs to a purged task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from shared.db.uow import Transaction

_START = UUID(int=0)
_END_SERIES: LiteralString = """
update series s set state = 'ended', state_reason = 'purged', version = s.version + 1,
  change_seq = %(change_seq)s, updated_at = %(now)s
from (select user_id, id, state from series where user_id = %(user_id)s and id = any(%(series)s)
  and state <> 'ended') old
where s.user_id = old.user_id and s.id = old.id returning s.id, old.state"""


@dataclass(frozen=True)
class Trashed:
    """A task whose time in the trash is over."""

    user_id: str
    id: UUID
    deleted_at: datetime


@dataclass(frozen=True)
class Gone:
    """A task that is being purged."""

    id: UUID
    version: int
    change_seq: int


@dataclass(frozen=True)
class Ended:
    """A series that ended because the task of its open occurrence was purged, and the state it had."""

    series_id: UUID
    state: str
    task: Gone


class TrashedTasks:
    """Which tasks to purge, over all users (role `relay`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def page(self, before: datetime, *, after: Trashed | None, limit: int) -> list[Trashed]:
        """Those deleted before `before`, the oldest first, after the one given."""
        return self._tx.fetch(
            Trashed,
            """select user_id, id, deleted_at from tasks
               where deleted_at < %(before)s and (deleted_at, id) > (%(at)s, %(id)s)
               order by deleted_at, id limit %(limit)s""",
            {
                "before": before,
                "at": after.deleted_at if after else datetime(1, 1, 2, tzinfo=before.tzinfo),
                "id": after.id if after else _START,
                "limit": limit,
            },
        )


class Trash:
    """The trash of the transaction's user; needs `write`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def purge(self, before: datetime, *, limit: int) -> tuple[int, list[Ended]]:
        """Delete tasks that were deleted before `before`; returns how many, and the series that end with
        them.

        Tokens before their deletion become invalid (`feed_floor`): such a client could not learn of it.
        """
        gone = self._tx.fetch(
            Gone,
            """select id, version, change_seq from tasks where user_id = %s and deleted_at < %s
               order by deleted_at, id limit %s""",
            (self._tx.user_id, before, limit),
        )
        if not gone:
            return 0, []
        ended = self._leave_series(gone)
        self._tx.execute(
            "delete from tasks where user_id = %s and id = any(%s)",
            (self._tx.user_id, [task.id for task in gone]),
        )
        self._tx.execute(
            "update accounts set feed_floor = greatest(feed_floor, %s) where user_id = %s",
            (max(task.change_seq for task in gone), self._tx.user_id),
        )
        return len(gone), ended

    def drop_empty_series(self, limit: int = 500) -> int:
        """Delete ended series without any task, together with their occurrences; returns how many."""
        return self._tx.execute(
            """delete from series s where s.user_id = %(user_id)s and s.id in
                 (select id from series where user_id = %(user_id)s and state = 'ended' limit %(limit)s)
               and not exists (select from tasks t where t.user_id = s.user_id and t.series_id = s.id)""",
            {"user_id": self._tx.user_id, "limit": limit},
        ).rowcount

    def _leave_series(self, gone: Sequence[Gone]) -> list[Ended]:
        """Delete the open occurrences of purged tasks and end their series; other occurrences lose the
        task.
        """
        values = {"user_id": self._tx.user_id, "tasks": [task.id for task in gone]}
        opened = self._tx.execute(
            """delete from occurrences where user_id = %(user_id)s and task_id = any(%(tasks)s)
               and outcome = 'open' returning series_id, task_id""",
            values,
        ).fetchall()
        self._tx.execute(
            """update occurrences set task_id = null
               where user_id = %(user_id)s and task_id = any(%(tasks)s)""",
            values,
        )
        series: dict[UUID, UUID] = dict(opened)
        stamps = {"change_seq": self._tx.change_seq, "now": self._tx.now, "series": list(series)}
        found = self._tx.execute(_END_SERIES, values | stamps).fetchall()
        by_id = {task.id: task for task in gone}
        return [Ended(series_id, state, by_id[series[series_id]]) for series_id, state in found]
