"""Reads the days, local times and instants that users write; nothing else parses one.

Called by dues, reminders, exceptions of series, request bodies and cursors. RFC 3339 with the liberties
that the API documents: seconds may be absent, and a local time or a day stands alone. Digits are ASCII, `T`
and `Z` may be lower case (RFC 3339 §5.6), a fraction may be of any length and is cut to microseconds.
Week dates, ordinal dates, 24:00 and leap seconds are refused, whatever `datetime.fromisoformat` of the
running Python takes.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

FIRST_YEAR, LAST_YEAR = 1970, 2199  # of everything that is stored
MAX_TEXT = 64  # characters
_DAY = r"(\d{4})-(\d{2})-(\d{2})"
_TIME = r"[Tt](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?"
_OFFSET = r"([Zz]|[+-]\d{2}:\d{2})"
_EXTENDED = re.compile(f"{_DAY}(?:{_TIME}{_OFFSET}?)?", re.ASCII)
_BASIC = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[Tt](\d{2})(\d{2})(\d{2})()([Zz]?))?", re.ASCII)
_DATE_GROUPS = 3


class BadTime(ValueError):
    """The text is not a usable time; the message says what to write."""


def read_time(text: str, *, basic: bool = False) -> datetime | date:
    """A date, a naive local time, or an aware instant with the offset that it was written with.

    `basic` takes the form of iCalendar instead, 20260601T080000Z. The years are 1 to 9999, in UTC too.
    Raises `BadTime` for anything else.

    >>> read_time("2026-06-01"), read_time("2026-06-01T08:00")
    (datetime.date(2026, 6, 1), datetime.datetime(2026, 6, 1, 8, 0))
    >>> read_time("2026-06-01T08:00+02:00").isoformat()
    '2026-06-01T08:00:00+02:00'
    """
    pattern = _BASIC if basic else _EXTENDED
    found = pattern.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_TEXT else None
    if found is None:
        raise BadTime("use a date 2026-06-01, a local time 2026-06-01T08:00, or add Z or an offset")
    try:
        return _value(*found.groups())
    except (ValueError, OverflowError) as error:
        raise BadTime(f"is no time that exists: {error}") from None


def read_instant(text: str) -> datetime:
    """An instant in UTC, of a supported year; `BadTime` for a time without Z or an offset."""
    value = read_time(text)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise BadTime("needs a time with Z or an offset, such as 2026-06-01T08:00:00Z")
    return in_range(value.astimezone(UTC))


def in_range(value: datetime) -> datetime:
    """`value`, or `BadTime` when its year is not supported (FIRST_YEAR to LAST_YEAR)."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise BadTime(f"the year must lie in {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _value(*groups: str | None) -> datetime | date:
    day, clock, offset = groups[:_DATE_GROUPS], groups[_DATE_GROUPS:-1], groups[-1]
    year, month, number = (int(part or "") for part in day)
    if clock[0] is None:
        return date(year, month, number)
    hour, minute, second, fraction = (int(part or 0) for part in (*clock[:3], _micro(clock[3])))
    value = datetime(year, month, number, hour, minute, second, fraction, tzinfo=_zone(offset))
    if value.tzinfo is not None:
        value.astimezone(UTC)  # OverflowError where UTC has no such year
    return value


def _micro(fraction: str | None) -> str:
    return (fraction or "")[:6].ljust(6, "0")


def _zone(offset: str | None) -> timezone | None:
    if not offset:
        return None
    if offset in "Zz":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - RFC 3339 §5.6 time-numoffset
        raise ValueError("the offset must be at most 23:59")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if offset[0] == "-" else ahead)
