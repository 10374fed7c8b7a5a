"""The reminder sweep, woken once a minute: every reminder whose time has come becomes one `reminder.due`.

A lost tick is healed by the next one; after an outage everything due goes out late, oldest first. The
event's id follows from the reminder and its instant, so that no reminder can be told of twice.
"""

from collections.abc import Sequence
from uuid import UUID

from shared.db.repositories.due_reminders import DueReminder, DueReminders, TakenReminders
from shared.db.uow import Cause, Transaction, UnitOfWork
from shared.domain.due import Due
from shared.domain.identity import Actor, derived_uuid
from shared.domain.preferences import Preferences
from shared.domain.webhook import matches
from shared.events.base import plain
from shared.events.reminder import ReminderDue
from shared.runtime import deadline
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import get_logger

USERS, REMINDERS = 100, 100  # a page of users; reminders in one transaction
RESERVE = 5.0  # seconds of the budget left for the last transaction and its publication
CAUSE = Cause(actor=Actor("function", "reminders"))
log = get_logger(__name__)


class Sweep:
    """Works through the users with due reminders until there are none or the budget is used."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        visited: list[str] = []
        sent = failed = 0
        while deadline.remaining() > RESERVE and (users := self._due_users(visited)):
            for user_id in users:
                visited.append(user_id)
                try:
                    sent += self._user(user_id)
                except Exception:  # one user's failure must not keep the others waiting
                    failed += 1
                    log.exception("reminders of a user failed", user_id=user_id)
                if deadline.remaining() <= RESERVE:
                    break
        log.info("reminders swept", users=len(visited), sent=sent, failed_users=failed)

    def _due_users(self, visited: list[str]) -> list[str]:
        with self._uow.sweep() as tx:
            return DueReminders(tx).users(limit=USERS, excluding=visited)

    def _user(self, user_id: str) -> int:
        sent, taken = 0, REMINDERS
        while taken == REMINDERS and deadline.remaining() > RESERVE:
            with self._uow.write(user_id, CAUSE) as tx:
                due = TakenReminders(tx).take(limit=REMINDERS)
                sent += remind(tx, due)
                failpoint("reminders:before_commit")
            failpoint("reminders:after_commit")
            taken = len(due)
        return sent


def remind(tx: Transaction, taken: Sequence[DueReminder]) -> int:
    """Emit what is still wanted, cancel the rest; returns how many events were emitted."""
    reminders = TakenReminders(tx)
    ids = {reminder.id: event_id(reminder) for reminder in taken}
    known = reminders.emitted(list(ids.values()))
    due = [r for r in taken if r.live]
    fresh = [r for r in due if ids[r.id] not in known]
    for reminder in fresh:
        _emit(tx, reminder, ids[reminder.id])
    reminders.mark([r.id for r in due], state="sent")
    reminders.mark([r.id for r in taken if not r.live], state="cancelled")
    reminders.mark_tasks([r.task_id for r in due])
    return len(fresh)


def event_id(reminder: DueReminder) -> UUID:
    """The same reminder at the same instant is the same event, whoever finds it and however often."""
    return derived_uuid(reminder.remind_at, ReminderDue.type, str(reminder.id), plain(reminder.remind_at))


def _emit(tx: Transaction, reminder: DueReminder, identity: UUID) -> None:
    tx.emit(
        ReminderDue,
        event_id=identity,
        task_id=reminder.task_id,
        task_version=reminder.version,
        recurring=reminder.recurring,
        reminder_id=reminder.id,
        remind_at=reminder.remind_at,
        title=reminder.title,
        due=_due_text(reminder),
        due_at=reminder.due_at,
        channels=_channels(tx, reminder),
    )


def _channels(tx: Transaction, reminder: DueReminder) -> tuple[str, ...]:
    """What the user chose for this reminder; webhooks only where an endpoint asks for reminders."""
    asked = matches(tx.account.webhook_events, ReminderDue.type)
    account = tx.account
    wanted = Preferences.stored(account.timezone, account.settings).channels_of(reminder.channels)
    return tuple(channel for channel in wanted if channel != "webhook" or asked)


def _due_text(reminder: DueReminder) -> str | None:
    if reminder.due_kind is None or reminder.due_wall is None:
        return None
    return Due(reminder.due_kind, reminder.due_wall).text()
