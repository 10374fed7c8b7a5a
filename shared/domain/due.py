"""The due of a task as the user wrote it (a day, a local time or an instant), and the instant it means.
Called wherever a due is read, shown, sorted or moved.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from shared.domain import zones
from shared.domain.errors import invalid_field
from shared.domain.time_text import BadTime, in_range, read_instant, read_time

Kind = Literal["date", "floating", "zoned", "instant"]


@dataclass(frozen=True)
class Due:
    """`wall` is naive: midnight for a date, UTC for an instant, else local time in `timezone`,
    or in the user's zone when the due floats.

    >>> due = parse_due("2026-06-01T08:00", None)
    >>> due.kind, due.at("Europe/London").isoformat(), due.at("Asia/Tokyo").isoformat()
    ('floating', '2026-06-01T07:00:00+00:00', '2026-05-31T23:00:00+00:00')
    """

    kind: Kind
    wall: datetime
    timezone: str | None = None

    def at(self, user_zone: str) -> datetime | None:
        """The instant (UTC); None for a day, which has no single instant."""
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
        naive = wall if isinstance(wall, datetime) else datetime(wall.year, wall.month, wall.day)  # noqa: DTZ001  # wall time
        return Due(self.kind, naive, self.timezone)


def parse_due(text: str, timezone: str | None, *, field: str = "due") -> Due:
    """`text` in a form of the API: a date, a local date-time, or one with an offset.

    A local time with `timezone` is zoned, without it floating. An instant with `timezone` becomes the
    local time that it is there, so that a recurring task keeps its local time. Raises `Invalid`.

    >>> parse_due("2026-06-01T07:00Z", "Europe/London")
    Due(kind='zoned', wall=datetime.datetime(2026, 6, 1, 8, 0), timezone='Europe/London')
    """
    zone = None if timezone is None else known_zone(timezone)
    try:
        return _of(read_time(text), zone)
    except BadTime as error:
        raise invalid_field(field, "invalid_due", str(error)) from None


def parse_due_at(text: str, timezone: str | None) -> Due:
    """As `parse_due` for the field `due_at`, which must be an instant: a day or a local time is `Invalid`."""
    try:
        read_instant(text)
    except BadTime as error:
        raise invalid_field("due_at", "invalid_due", str(error)) from None
    return parse_due(text, timezone, field="due_at")


def known_zone(name: str, *, field: str = "timezone") -> str:
    """`name` if the pinned tzdata knows it, else `Invalid`."""
    try:
        return zones.zone(name).key
    except zones.UnknownZone as error:
        raise invalid_field(field, "unknown_timezone", str(error)) from None


def _of(value: datetime | date, zone: str | None) -> Due:
    if not isinstance(value, datetime):
        return Due("date", in_range(datetime(value.year, value.month, value.day)), zone)  # noqa: DTZ001 - a day
    value = value.replace(microsecond=0)
    if value.tzinfo is None:
        return Due("zoned" if zone else "floating", in_range(value), zone)
    instant = in_range(value.astimezone(UTC))
    if zone is None:
        return Due("instant", instant.replace(tzinfo=None))
    return Due("zoned", in_range(instant.astimezone(zones.zone(zone)).replace(tzinfo=None)), zone)
