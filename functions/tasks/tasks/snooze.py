"""The verb `snooze`: remind once more of this occurrence, at an instant. Called by its route."""

from datetime import datetime, timedelta
from uuid import UUID

from shared.db.repositories.tasks import Tasks
from shared.db.transaction import Transaction
from shared.domain.errors import Conflict, invalid_field
from shared.domain.task import Task
from shared.domain.task_reminders import snoozed
from shared.domain.time_text import BadTime, in_range, read_instant
from shared.domain.versions import Versions
from shared.events.task import TaskUpdated


def snooze(
    tx: Transaction,
    task_id: UUID,
    *,
    versions: Versions = None,
    minutes: int | None = None,
    until: str | None = None,
) -> Task:
    """The task with a reminder in `minutes` or at `until`, which replaces an earlier snooze.

    The other reminders stay. The next occurrence of its series does not get this reminder.
    """
    before = Tasks(tx).get_for_update(task_id, versions=versions)
    if before.status != "open":
        raise Conflict(f"The task is {before.status}; reopen it first.", code="task_not_open")
    at = _instant(tx, minutes, until)
    after = before.changed(tx.now, reminders=snoozed(before.reminders, at), reminder_sent=False)
    Tasks(tx).change(before, after, TaskUpdated)
    return Tasks(tx).get(task_id)


def _instant(tx: Transaction, minutes: int | None, until: str | None) -> datetime:
    assert (minutes is None) != (until is None)  # the body has one of them
    field = "until" if minutes is None else "minutes"
    try:
        at = read_instant(until) if until is not None else in_range(tx.now + timedelta(minutes=minutes or 0))
    except BadTime as error:
        raise invalid_field(field, "invalid_instant", str(error)) from None
    if at <= tx.now:
        raise invalid_field(field, "snooze_in_the_past", "until must lie in the future")
    return at
