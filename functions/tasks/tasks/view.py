"""Renders tasks for the API. Called by every route that answers with tasks."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.db.repositories.reminders import Reminders
from shared.db.uow import Transaction
from shared.domain.task import Task, public_fields
from shared.domain.task_reminders import ReminderRow, instant_of
from shared.events.base import plain


def render(tx: Transaction, tasks: Sequence[Task], *, user_zone: str) -> list[dict[str, Any]]:
    """The tasks as JSON objects, their reminders read in one statement."""
    rows = Reminders(tx).of_tasks([task.id for task in tasks])
    return [_task(task, rows.get(task.id, ()), user_zone) for task in tasks]


def _task(task: Task, rows: Sequence[ReminderRow], user_zone: str) -> dict[str, Any]:
    body: dict[str, Any] = {"id": task.id, **public_fields(task)}
    body["remind_before_minutes"] = _shorthand(task)
    body["reminders"] = [_reminder(task, offset, rows, user_zone) for offset in task.reminders]
    body["reminder_sent"] = task.reminder_sent
    body["series_state"] = task.series_state
    body["version"] = task.version
    body["created_at"] = task.created_at
    body["updated_at"] = task.updated_at
    rendered: dict[str, Any] = plain(body)
    return rendered


def _shorthand(task: Task) -> int | None:
    minutes = [o.get("before_minutes") for o in task.reminders if not o.get("snoozed")]
    return minutes[0] if len(minutes) == 1 else None


def _reminder(
    task: Task, offset: Mapping[str, Any], rows: Sequence[ReminderRow], user_zone: str
) -> dict[str, Any]:
    at = instant_of(offset, task.due, user_zone)
    found = next((r for r in rows if r.remind_at == at and r.occurrence_key == task.occurrence_key), None)
    reminder_id: UUID | None = found.id if found else None
    state = found.state if found else ("passed" if at else "no_due")
    return {**offset, "id": reminder_id, "remind_at": at, "state": state}
