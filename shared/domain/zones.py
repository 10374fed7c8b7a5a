"""Time zones from the pinned `tzdata` package only, and the resolution of wall times to instants.
Called by the recurrence engine, reminders, filters and the API whenever a local time becomes UTC.
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import import_module
from zoneinfo import ZoneInfo

from shared.domain.zone_walk import first_reaching

__all__ = ["UnknownZone", "resolve", "start_of_day", "tzdata_version", "zone"]

# Without this, an outdated database of the system is used instead of the package, without a message: in 2026
# it gave wrong instants for Casablanca and Vancouver.
zoneinfo.reset_tzpath(to=())


class UnknownZone(ValueError):
    """The name is not an IANA time zone of the pinned tzdata."""

    def __init__(self, name: object) -> None:
        super().__init__(f"unknown time zone {str(name)[:64]!r}: use an IANA name such as Europe/London")
        self.name = name


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone with this IANA name; Windows names, offsets and paths raise `UnknownZone`."""
    if not isinstance(name, str) or name in ("localtime", "Factory"):
        raise UnknownZone(name)
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder such as "America"
        raise UnknownZone(name) from None


def resolve(wall: datetime, tz: str | ZoneInfo) -> datetime:
    """The UTC instant of a naive local time (RFC 5545 §3.3.5).

    A time that a clock change shows twice (a fold) is the first of the two; one that it leaves out (a gap)
    is moved later by the length of the gap. Raises `OverflowError` outside of the years 1 to 9999 in UTC.

    >>> resolve(datetime.fromisoformat("2026-03-29T01:30"), "Europe/London")  # 01:00 became 02:00
    datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.timezone.utc)
    """
    where = zone(tz) if isinstance(tz, str) else tz
    return wall.replace(tzinfo=where, fold=0).astimezone(UTC)


def start_of_day(day: date, tz: str | ZoneInfo) -> datetime:
    """The first UTC instant whose local date is `day` or later (01:00 where midnight falls into a gap)."""
    where = zone(tz) if isinstance(tz, str) else tz
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall time
    return first_reaching(midnight, where).replace(tzinfo=UTC)


def tzdata_version() -> str:
    """The IANA release in use, such as 2026f; stored beside derived instants, which depend on it."""
    return str(import_module("tzdata").IANA_VERSION)
