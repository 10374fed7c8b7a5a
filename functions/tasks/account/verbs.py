"""The verb of a user's settings. Called by the routes of /v1/settings in the caller's transaction.

A user who moves to another zone keeps the wall times; their instants are derived again here, for up to
`derived.BATCH` tasks. `relay` does the rest within a minute or two.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.db.repositories.accounts import Accounts
from shared.db.repositories.deliveries import Deliveries
from shared.db.repositories.derived import USERS_ZONE, DerivedInstants
from shared.db.transaction import Transaction
from shared.domain import quiet_hours
from shared.domain.due import known_zone
from shared.domain.preferences import Preferences, parse_quiet_hours
from shared.domain.versions import Versions


def change(tx: Transaction, given: Mapping[str, Any], *, versions: Versions = None) -> Preferences:
    """The settings with the given fields. An absent field keeps its value, so that an older client does not
    reset fields that it does not know. Nothing is written when nothing differs.
    """
    accounts = Accounts(tx)
    before = accounts.own_preferences(versions=versions)
    wanted = replace(before, **_values(given))
    if wanted == before:
        return before
    after = accounts.change_preferences(before, wanted)
    if (after.digest_hour, after.timezone) != (before.digest_hour, before.timezone):
        accounts.schedule_digest(after)
    if (after.quiet_hours, after.timezone) != (before.quiet_hours, before.timezone):
        Deliveries(tx).release(quiet_hours.EVENTS)
    if after.timezone != before.timezone and DerivedInstants(tx).refresh(USERS_ZONE) is not None:
        accounts.derived_with(None)
    return after


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(given)
    if "timezone" in values:
        values["timezone"] = known_zone(values["timezone"])
    if "quiet_hours" in values:
        values["quiet_hours"] = parse_quiet_hours(values["quiet_hours"])
    return values
