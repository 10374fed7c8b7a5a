"""All SQL about the scheduled reminders of one user. `reminders` sweeps them, see `due_reminders`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from shared.db.columns import Columns, excluded, insert, listed
from shared.db.transaction import Transaction
from shared.domain.identity import uuid7
from shared.domain.task import Task
from shared.domain.task_reminders import Moved, Planned, ReminderRow, planned

_EVER = datetime.min.replace(tzinfo=UTC)

_SHOWN: Columns = ("id", "task_id", "occurrence_key", "remind_at", "state")
STORED: Columns = ("user_id", *_SHOWN, "channels", "created_at", "updated_at")
_INSERT = f"""{insert("reminders", STORED)}
on conflict on constraint uq_reminders_instant do update set {excluded(("state", "channels", "updated_at"))}
  where reminders.state <> 'sent'"""


class Reminders:
    """The reminders of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def plan(self, tasks: Sequence[Task]) -> None:
        """Make the scheduled reminders those that the tasks ask for now; sent reminders stay as they are."""
        asked = [(task, self._asked(task)) for task in tasks]
        # `asked` has past instants, too: an edit must not cancel a due reminder before the tick sends it.
        self._cancel_others(asked)
        self._schedule(asked)

    def plan_new(self, tasks: Sequence[Task]) -> None:
        """As `plan`, for tasks that have no reminders yet."""
        self._schedule([(task, self._asked(task)) for task in tasks])

    def _asked(self, task: Task) -> list[Planned]:
        return planned(task, user_zone=self._tx.account.timezone, now=_EVER)

    def replace(self, task: Task, plan: Moved) -> None:
        """Write the change of the reminders that `task_reminders.moved` has found."""
        if plan.dropped:
            self._tx.execute(
                """update reminders set state = 'cancelled', updated_at = %s
                   where user_id = %s and id = any(%s) and state = 'scheduled'""",
                (self._tx.now, self._tx.user_id, list(plan.dropped)),
            )
        self._insert([(task, reminder) for reminder in plan.scheduled])

    def _schedule(self, asked: Sequence[tuple[Task, Sequence[Planned]]]) -> None:
        now = self._tx.now
        self._insert([(task, each) for task, planned in asked for each in planned if each.remind_at > now])

    def _insert(self, reminders: Sequence[tuple[Task, Planned]]) -> None:
        now, user_id = self._tx.now, self._tx.user_id
        self._tx.execute_all(
            _INSERT,
            [
                {
                    "user_id": user_id,
                    "id": uuid7(now),
                    "task_id": task.id,
                    "occurrence_key": task.occurrence_key,
                    "remind_at": reminder.remind_at,
                    "channels": list(reminder.channels),
                    "state": "scheduled",
                    "created_at": now,
                    "updated_at": now,
                }
                for task, reminder in reminders
            ],
        )

    def of_tasks(self, task_ids: Sequence[UUID]) -> Mapping[UUID, list[ReminderRow]]:
        """Every reminder of these tasks, by task."""
        found: dict[UUID, list[ReminderRow]] = {}
        if not task_ids:
            return found
        for row in self._tx.fetch(
            ReminderRow,
            f"select {listed(_SHOWN)} from reminders where user_id = %s and task_id = any(%s)",
            (self._tx.user_id, list(task_ids)),
        ):
            found.setdefault(row.task_id, []).append(row)
        return found

    def _cancel_others(self, asked: Sequence[tuple[Task, Sequence[Planned]]]) -> None:
        self._tx.execute_all(
            """update reminders set state = 'cancelled', updated_at = %s
               where user_id = %s and task_id = %s and state = 'scheduled'
                 and not (remind_at = any(%s::timestamptz[]) and occurrence_key is not distinct from %s)""",
            [
                (
                    self._tx.now,
                    self._tx.user_id,
                    task.id,
                    [each.remind_at for each in planned],
                    task.occurrence_key,
                )
                for task, planned in asked
            ],
        )
