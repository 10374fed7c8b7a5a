"""Finds the instants at which a user's local clock shows a time. Pure; called by `quiet_hours`, `digest`."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from shared.domain.zone_walk import first_reaching

TYPE_CHECKING = False
if TYPE_CHECKING:  # see `_zone`
    from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


def local_day(at: datetime, zone: str) -> date:
    """The date that a clock in `zone` shows at the aware instant `at`."""
    return at.astimezone(_zone(zone)).date()


def first_at(day: date, clock: time, zone: str) -> datetime:
    """The first instant (UTC) of `day` at which the local clock shows `clock`.

    Where a clock change leaves that time out (a gap), it is the instant of the change.
    """
    return first_reaching(datetime.combine(day, clock), _zone(zone)).replace(tzinfo=UTC)


def last_at(day: date, clock: time, zone: str) -> datetime:
    """As `first_at`, but the second instant where a clock change shows the time twice (a fold)."""
    where, wall = _zone(zone), datetime.combine(day, clock)
    second = wall.replace(tzinfo=where, fold=1).astimezone(UTC)
    shown = second.astimezone(where).replace(tzinfo=None, fold=0)
    return second if shown == wall else first_at(day, clock, zone)


def days_around(at: datetime, zone: str) -> tuple[date, date, date]:
    """Yesterday, today and tomorrow of the user. All three count: a fold at midnight shows a date twice."""
    today = local_day(at, zone)
    return today - _DAY, today, today + _DAY


@cache
def _zone(name: str) -> "ZoneInfo":
    from shared.domain import zones  # 5 ms of a wake-up: only for users with quiet hours or a digest

    return zones.zone(name)
