"""The reminder sweep, called once a minute: emits one `reminder.due` for every due reminder.

The next tick does the work of a lost one; after an outage everything due goes out late, oldest first. The
id of the event is made from the reminder and its instant, so that no reminder is announced twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.db.repositories.due_reminders import DueReminder, DueReminders, TakenReminders, Waiting
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

PAGE = 5000  # reminders that are looked up at once
USERS, REMINDERS = 50, 100  # users in one transaction, reminders of each
RESERVE = 5.0  # seconds of the budget left for the last transaction and its publication
CAUSE = Cause(actor=Actor("function", "reminders"))
log = get_logger(__name__)


@dataclass
class Tally:
    """The counts of this tick."""

    users: int = 0
    sent: int = 0
    failed_users: int = 0


class Sweep:
    """Emits due reminders in rounds, of each user a limited number per round, until the time is used."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Run rounds until one has sent nothing, or the time is used."""
        tally = Tally()
        while deadline.remaining() > RESERVE:
            before = tally.sent
            for users in self._crowds():
                if deadline.remaining() <= RESERVE:
                    break
                self._crowd(users, tally)
            if tally.sent == before:
                break
        log.info("reminders swept", users=tally.users, sent=tally.sent, failed_users=tally.failed_users)

    def _crowds(self) -> Iterator[list[str]]:
        """Groups of users with due reminders, page by page; a user with reminders in several pages is
        in each.
        """
        after: Waiting | None = None
        while page := self._page(after):
            after = page[-1]
            users = list(dict.fromkeys(reminder.user_id for reminder in page))
            yield from (users[at : at + USERS] for at in range(0, len(users), USERS))

    def _page(self, after: Waiting | None) -> list[Waiting]:
        with self._uow.sweep() as tx:
            return DueReminders(tx).page(after=after, limit=PAGE)

    def _crowd(self, users: Sequence[str], tally: Tally) -> None:
        """Remind a group of users in one transaction; if that fails (a user, a lock), each user alone."""
        try:
            tally.sent += self._turn(users)
            tally.users += len(users)
        except Exception as error:  # noqa: BLE001 (whose reminders they are is found out one by one)
            log.warning("users are reminded one by one", users=len(users), reason=type(error).__name__)
            for user_id in users:
                if deadline.remaining() <= RESERVE:
                    break
                self._alone(user_id, tally)

    def _alone(self, user_id: str, tally: Tally) -> None:
        tally.users += 1
        try:
            tally.sent += self._turn([user_id])
        except Exception:  # one user's failure must not keep the others waiting
            tally.failed_users += 1
            log.exception("reminders of a user failed", user_id=user_id)

    def _turn(self, users: Sequence[str]) -> int:
        with self._uow.write_each(users, CAUSE) as each:
            sent = remind(each, limit=REMINDERS)
            failpoint("reminders:before_commit")
        failpoint("reminders:after_commit")
        return sent


def remind(each: Sequence[Transaction], *, limit: int) -> int:
    """Emit what is due and still wanted, cancel the rest; returns how many were taken."""
    reminders = TakenReminders(each)
    taken = reminders.take(limit=limit)
    live = [[(event_id(one), one) for one in found if one.live] for found in taken]
    known = reminders.emitted([[identity for identity, _ in found] for found in live])
    for tx, found in zip(each, live, strict=True):
        preferences = Preferences.stored(tx.account.timezone, tx.account.settings)
        asked = matches(tx.account.webhook_events, ReminderDue.type)
        for identity, reminder in found:
            if identity not in known:
                channels = preferences.channels_of(reminder.channels)
                # Webhooks only where an endpoint asks for reminders.
                _emit(tx, reminder, identity, tuple(c for c in channels if asked or c != "webhook"))
    return sum(map(len, taken))


def event_id(reminder: DueReminder) -> UUID:
    """The id of the event: the same reminder at the same instant always gives the same id."""
    return derived_uuid(reminder.remind_at, ReminderDue.type, str(reminder.id), plain(reminder.remind_at))


def _emit(tx: Transaction, reminder: DueReminder, identity: UUID, channels: tuple[str, ...]) -> None:
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
        channels=channels,
    )


def _due_text(reminder: DueReminder) -> str | None:
    if reminder.due_kind is None or reminder.due_wall is None:
        return None
    return Due(reminder.due_kind, reminder.due_wall).text()
