"""Derives instants again when the rules of time zones have changed: a release with another tzdata, or a
user who moved with more tasks than one request may touch. Called by the tick, before the outbox sweep.

`accounts.tzdata` says how far the tasks of a user are (`2026f`, or `2026f>task id` in between), so that the
next tick continues where this one has ended.
"""

from uuid import UUID

from shared.db.repositories.accounts import Accounts
from shared.db.repositories.derived import ANY_ZONE, DerivedInstants, OutdatedAccounts
from shared.db.transaction import Transaction
from shared.db.uow import Cause, UnitOfWork
from shared.domain import zones
from shared.domain.identity import Actor
from shared.runtime import deadline
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import get_logger

USERS = 100  # a page
PAGES = 20  # of one user's tasks in one tick, so that the other users get their turn
RESERVE = 25.0  # seconds of the budget kept for the other steps
CAUSE = Cause(actor=Actor("function", "relay"))
log = get_logger(__name__)


class Rederivation:
    """Derives the outdated instants of all users, until there are none or the time of the tick is used."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(self) -> None:
        """Derive what is outdated; a user whose turn fails is tried again by the next tick."""
        version, visited, after = zones.tzdata_version(), 0, ""
        while deadline.remaining() > RESERVE and (users := self._outdated(version, after)):
            for user_id in users:
                if deadline.remaining() <= RESERVE:
                    break
                visited, after = visited + 1, user_id
                try:
                    self._user(user_id, version)
                except Exception:  # one user's failure must not keep the others waiting
                    log.exception("instants of a user could not be derived", user_id=user_id)
        if visited:
            log.info("instants derived", users=visited, tzdata=version)

    def _outdated(self, version: str, after: str) -> list[str]:
        with self._uow.sweep() as tx:
            return OutdatedAccounts(tx).users(version, limit=USERS, after=after)

    def _user(self, user_id: str, version: str) -> None:
        for _ in range(PAGES):
            with self._uow.write(user_id, CAUSE) as tx:
                more = derive(tx, version)
                failpoint("relay:before_derived")
            if not more or deadline.remaining() <= RESERVE:
                break


def derive(tx: Transaction, version: str) -> bool:
    """Derive the user's next batch of tasks with `version`; True if there may be more."""
    accounts = Accounts(tx)
    last = DerivedInstants(tx).refresh(ANY_ZONE, after=_position(accounts.tzdata(), version))
    accounts.derived_with(version if last is None else f"{version}>{last}")
    if last is None:
        accounts.schedule_digest(accounts.own_preferences())
    return last is not None


def _position(tzdata: str | None, version: str) -> UUID | None:
    """The last task of the batch before, when that was derived under the same rules."""
    under, _, last = (tzdata or "").partition(">")
    return UUID(last) if last and under == version else None
