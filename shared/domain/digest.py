"""When the daily digest is sent, which day it is about, and its id. Pure; called by `tasks` when the user
sets the hour and by `notifications` when it sends.
"""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from shared.domain.identity import derived_uuid
from shared.domain.local_time import first_at, local_day

EVENT_TYPE = "digest"
TITLES = 20
_LOOK = 4  # days to look at: a zone that moves over the date line leaves one out
_DAY = timedelta(days=1)


def following(at: datetime, hour: int, zone: str) -> datetime:
    """The first instant (UTC) after `at` at which a digest is due.

    A day that the zone leaves out (Samoa had no 30 December 2011) has no digest.

    >>> following(datetime(2026, 6, 1, 7, tzinfo=UTC), 8, "Europe/London")  # 08:00 there: it is due now
    datetime.datetime(2026, 6, 2, 7, 0, tzinfo=datetime.timezone.utc)
    """
    today = local_day(at, zone)
    found = (_due(today + _DAY * n, hour, zone) for n in range(_LOOK))
    return next(due for due in found if due is not None and due > at)


def day_of(at: datetime, hour: int, zone: str) -> date:
    """The local day of the latest digest that was due at or before `at`.

    After an outage this one is sent, and the digests of the days before it are not.
    """
    today = local_day(at, zone)
    days = (today - _DAY * n for n in range(_LOOK))
    return next(day for day in days if (due := _due(day, hour, zone)) is not None and due <= at)


def identity(user_id: str, day: date) -> UUID:
    """The id of a digest: it depends on the user and the local day only, not on the user's zone.

    So a user who changes zone during the day does not get the same digest twice.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return derived_uuid(midnight, EVENT_TYPE, user_id, day.isoformat())


def _due(day: date, hour: int, zone: str) -> datetime | None:
    due = first_at(day, time(hour), zone)
    return due if local_day(due, zone) == day else None
