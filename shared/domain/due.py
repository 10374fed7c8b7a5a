"""When a task is due: what the user said (a day, a wall time, an instant) and what follows from it."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from shared.domain import zones
from shared.domain.errors import FieldError, Invalid

Kind = Literal["date", "floating", "zoned", "instant"]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
FIRST_YEAR, LAST_YEAR = 1970, 2199


@dataclass(frozen=True)
class Due:
    """`wall` is naive: midnight for a date, UTC for an instant, else local time in `timezone`,
    or in the user's zone when the due floats.
    """

    kind: Kind
    wall: datetime
    timezone: str | None = None

    def at(self, user_zone: str) -> datetime | None:
        """The instant (UTC); None for a day, which is no instant."""
        if self.kind == "date":
            return None
        return zones.resolve(self.wall, self.zone(user_zone))

    def sort_at(self, user_zone: str) -> datetime:
        """The instant to order by: a day counts from its local start."""
        return self.at(user_zone) or zones.start_of_day(self.wall.date(), self.zone(user_zone))

    def zone(self, user_zone: str) -> str:
        """The IANA zone in which `wall` is read."""
        return "UTC" if self.kind == "instant" else self.timezone or user_zone

    def value(self) -> datetime | date:
        """The wall value as the recurrence engine takes it: a date for a day."""
        return self.wall.date() if self.kind == "date" else self.wall

    def text(self) -> str:
        """The canonical form of the API."""
        if self.kind == "date":
            return self.wall.date().isoformat()
        seconds = "seconds" if self.wall.second else "minutes"
        text = self.wall.isoformat(timespec=seconds)
        return text + "Z" if self.kind == "instant" else text

    def moved(self, wall: datetime | date) -> "Due":
        """The same kind of due at another wall value."""
        naive = wall if isinstance(wall, datetime) else datetime(wall.year, wall.month, wall.day)  # noqa: DTZ001
        return Due(self.kind, naive, self.timezone)


def parse_due(text: str, timezone: str | None, *, field: str = "due") -> Due:
    """`text` in a form of the API: a date, a local date-time, or one with an offset.

    A local time with `timezone` is zoned, without it floating. An instant with `timezone` becomes the
    local time that it is there, so that a recurring task keeps its wall time.
    """
    zone = known_zone(timezone) if timezone else None
    if _DATE.fullmatch(text):
        return Due("date", _parse(text, field), zone)
    if _LOCAL.fullmatch(text):
        return Due("zoned" if zone else "floating", _parse(text, field), zone)
    if _INSTANT.fullmatch(text):
        instant = _parse(text.upper(), field).astimezone(UTC).replace(microsecond=0)
        if zone is None:
            return Due("instant", instant.replace(tzinfo=None))
        return Due("zoned", instant.astimezone(zones.zone(zone)).replace(tzinfo=None), zone)
    raise _invalid(
        field, "invalid_due", "use a date 2026-06-01, a local time 2026-06-01T08:00, or add Z or an offset"
    )


def known_zone(name: str, *, field: str = "timezone") -> str:
    """`name` if the pinned tzdata knows it."""
    try:
        return zones.zone(name).key
    except zones.UnknownZone as error:
        raise _invalid(field, "unknown_timezone", str(error)) from None


def _parse(text: str, field: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo:
            value = value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid(field, "invalid_due", f"{text!r} is no valid time: {error}") from None
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise _invalid(field, "invalid_due", f"the year must lie in {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _invalid(field: str, code: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field, code, message)])
