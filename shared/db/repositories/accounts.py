"""SQL about a user's account row: settings, digest, tzdata. Its counter is kept by the unit of work."""

from collections.abc import Iterable
from dataclasses import replace

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, assigned, listed
from shared.db.transaction import Transaction
from shared.domain.preferences import DEFAULT_ZONE, Preferences
from shared.domain.versions import Versions, check_version
from shared.events.account import AccountChanged
from shared.events.base import changes_between

_PREFERENCES: Columns = ("timezone", "settings")


def timezone_of(tx: Transaction) -> str:
    """The user's zone in a transaction that did not load the account; UTC before the first write."""
    row = tx.execute("select timezone from accounts where user_id = %s", (tx.user_id,)).fetchone()
    return str(row[0]) if row else DEFAULT_ZONE


class Accounts:
    """The account of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def set_webhook_events(self, patterns: Iterable[str]) -> None:
        """Store the patterns of all enabled endpoints; the unit of work reads them to mark events."""
        self._tx.execute(
            "update accounts set webhook_events = %s where user_id = %s",
            (sorted(set(patterns)), self._tx.user_id),
        )

    def preferences(self) -> Preferences:
        """The user's settings; the defaults before the first write."""
        row = self._tx.execute(
            f"select {listed(_PREFERENCES)} from accounts where user_id = %s", (self._tx.user_id,)
        ).fetchone()
        return Preferences.stored(row[0], row[1]) if row else Preferences()

    def own_preferences(self, *, versions: Versions = None) -> Preferences:
        """As `preferences`, without a query in a `write`; PreconditionFailed unless at one of `versions`."""
        account = self._tx.account
        found = Preferences.stored(account.timezone, account.settings)
        check_version("settings", found.version, versions)
        return found

    def change_preferences(self, before: Preferences, after: Preferences) -> Preferences:
        """Write `after` as the next version and return it; the rest of the transaction sees it, too."""
        after = replace(after, version=before.version + 1)
        self._tx.execute(
            f"update accounts set {assigned(_PREFERENCES)} where user_id = %(user_id)s",
            {"timezone": after.timezone, "settings": Jsonb(after.to_json()), "user_id": self._tx.user_id},
        )
        self._tx.own_account = replace(self._tx.account, timezone=after.timezone, settings=after.to_json())
        self._tx.emit(
            AccountChanged,
            resource="settings",
            resource_id=self._tx.user_id,
            action="updated",
            changes=changes_between(before.public(), after.public()),
        )
        return after

    def schedule_digest(self, after: Preferences, *, overdue_stays: bool = True) -> None:
        """Set when the next digest is due. A digest that is due already stays due, unless the user
        wants none.
        """
        self._tx.execute(
            """update accounts set next_digest_at = %(next)s
               where user_id = %(user_id)s
                 and not (%(stays)s and next_digest_at is not null and next_digest_at <= %(now)s)""",
            {
                "next": after.next_digest(self._tx.now),
                "user_id": self._tx.user_id,
                "stays": overdue_stays and after.digest_hour is not None,
                "now": self._tx.now,
            },
        )

    def tzdata(self) -> str | None:
        """See `derived_with`; None also after a write by a process with another tzdata."""
        row = self._tx.execute(
            "select tzdata from accounts where user_id = %s", (self._tx.user_id,)
        ).fetchone()
        return row[0] if row else None

    def derived_with(self, tzdata: str | None) -> None:
        """Store which tzdata the user's instants follow: a version, `version>task id` while the tasks after
        that one have not been derived again yet, or None if it is unknown.
        """
        self._tx.execute("update accounts set tzdata = %s where user_id = %s", (tzdata, self._tx.user_id))
