"""The daily digest: one in-app message with the tasks due today and overdue. Called by the minute tick.

Its id is made from the user and the local day, so that there is only one for a day, however often a tick
finds it due. After an outage only the latest one is sent. It is no event, so webhooks do not get it.
"""

from datetime import date, timedelta
from typing import Any

from shared.db.repositories.accounts import Accounts
from shared.db.repositories.digests import Content, Digests, DueDigest, DueDigests
from shared.db.repositories.notifications import Notifications
from shared.db.uow import Cause, Transaction, UnitOfWork
from shared.domain import digest
from shared.domain.identity import Actor
from shared.events.base import plain
from shared.runtime import deadline
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import get_logger

USERS = 100  # a page
RESERVE = 5.0  # seconds of the budget left for the last digest and the answer
CAUSE = Cause(actor=Actor("function", "notifications"))
log = get_logger(__name__)


class DigestSweep:
    """Sends the digests that are due, until there are none or the time of the tick is used."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Send what is due; a user whose digest fails is tried again by the next tick."""
        visited = sent = 0
        after: DueDigest | None = None
        while deadline.remaining() > RESERVE and (page := self._due(after)):
            for after in page:
                if deadline.remaining() <= RESERVE:
                    break
                visited += 1
                sent += self._one(after.user_id)
        if visited:
            log.info("digests swept", users=visited, sent=sent)

    def _due(self, after: DueDigest | None) -> list[DueDigest]:
        with self._uow.sweep() as tx:
            return DueDigests(tx).page(after=after, limit=USERS)

    def _one(self, user_id: str) -> bool:
        try:
            return self._user(user_id)
        except Exception:  # one user's failure must not keep the others waiting
            log.exception("digest failed", user_id=user_id)
            return False

    def _user(self, user_id: str) -> bool:
        with self._uow.record(user_id, CAUSE) as tx:
            sent = send(tx)
            failpoint("digest:before_commit")
        return sent


def send(tx: Transaction) -> bool:
    """Write the user's digest if one is due and has tasks, and set when the next one is due."""
    chosen = Digests(tx).take()
    if chosen is None:
        return False
    Accounts(tx).schedule_digest(chosen, overdue_stays=False)
    if chosen.digest_hour is None:
        return False
    day = digest.day_of(tx.now, chosen.digest_hour, chosen.timezone)
    content = _content(tx, day, chosen.timezone)
    if not content.tasks:
        return False
    Notifications(tx).add(
        digest.identity(tx.user_id, day),
        event_type=digest.EVENT_TYPE,
        task_id=None,
        title=f"{content.today} due today, {content.overdue} overdue",
        data=_data(day, content),
    )
    return True


def _content(tx: Transaction, day: date, zone: str) -> Content:
    from shared.domain.zones import start_of_day  # costs a wake-up milliseconds: only for a digest

    return Digests(tx).content(start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone))


def _data(day: date, content: Content) -> dict[str, Any]:
    tasks = [{"id": t.id, "title": t.title, "due": t.due, "due_at": t.due_at} for t in content.tasks]
    found: dict[str, Any] = plain(
        {"day": day, "today": content.today, "overdue": content.overdue, "tasks": tasks}
    )
    return found
