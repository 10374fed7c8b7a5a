"""Cron schedules: five fields, at most every 15 minutes, clock changes as in Debian's cron (cronsim).
Called by the task layer and the API beside `recurrence`; the text is stored, never turned into an RRULE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from shared.domain.recurrence_set import Frame, Instance, When, check_exceptions, merge, take
from shared.domain.rrule_elapsed import Moment
from shared.domain.rrule_limits import check_anchor, check_exception_count
from shared.domain.rrule_periods import Fuel
from shared.domain.rrule_text import InvalidRecurrence
from shared.domain.zone_walk import local_time

__all__ = ["describe", "instances", "occurrences", "validate"]

MAX_TEXT = 100
MIN_SPACING = 15  # minutes
_FIELDS = 5
_HOUR = 60
_HOURS_A_DAY = 24
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SECOND = timedelta(seconds=1)
_NAMES = "minute hour day month weekday"
_RANGES = {  # by cronsim's names
    "minute": "0 to 59",
    "hour": "0 to 23, where 0 is midnight",
    "day-of-month": "1 to 31, as the months have them, or L for the last",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT, where 0 and 7 are Sunday",
}


def occurrences(
    text: str, dtstart: datetime, tz: str | None = None, *, limit: int, include_dtstart: bool = False,
    after: datetime | None = None, exdates: Sequence[When] = (), rdates: Sequence[When] = (),
) -> list[date | datetime]:  # fmt: skip
    """At most `limit` times from `dtstart` on and later than `after`, like `recurrence.occurrences`.

    A time that a clock change leaves out (a gap) happens in the first minute after it. A time that it shows
    twice (a fold) happens once, but with `*` hours in both hours.

    >>> [found] = occurrences("0 9 * * 1-5", datetime(2026, 6, 6, 12), "Europe/London", limit=1)
    >>> str(found)
    '2026-06-08 09:00:00+01:00'
    """
    frame, fuel = _frame(dtstart, tz), Fuel()
    if after is not None:
        frame.check_kind(after)
    if limit <= 0:
        return []
    stream = instances(
        validate(text), frame,
        after=None if after is None else frame.instant(after),
        include_dtstart=include_dtstart, exdates=exdates, rdates=rdates,
    )  # fmt: skip
    return take(stream, frame, fuel, limit=limit)


def instances(
    text: str, frame: Frame, *, after: datetime | None = None, include_dtstart: bool = False,
    exdates: Sequence[When] = (), rdates: Sequence[When] = (),
) -> Iterator[Instance]:  # fmt: skip
    """The recurrence set of a validated schedule; `frame` must not be all-day."""
    moments = _moments(text, frame, after, include_dtstart=include_dtstart)
    return merge(moments, frame, exdates=exdates, rdates=rdates, after=after, by_instant=True)


def validate(
    text: str, dtstart: date | datetime | None = None, tz: str | None = None, *,
    exdates: Sequence[When] = (), rdates: Sequence[When] = (),
) -> str:  # fmt: skip
    """The schedule to store: aliases translated, spaces single. `InvalidRecurrence` says what to write."""
    check_exception_count(exdates, rdates)
    canonical = _validated(text) if isinstance(text, str) and len(text) <= MAX_TEXT else ""
    if not canonical:
        raise InvalidRecurrence("CRON", f"must be text of at most {MAX_TEXT} characters")
    if dtstart is not None:
        check_anchor(dtstart)
        check_exceptions(_frame(dtstart, tz), exdates, rdates)
    return canonical


def describe(text: str) -> str:
    """The schedule in plain English."""
    from cronsim import CronSim

    words = CronSim(validate(text), datetime(2024, 1, 1, tzinfo=UTC)).explain()
    return str(words[:1].lower() + words[1:])


def _frame(dtstart: date | datetime, tz: str | None) -> Frame:
    if not isinstance(dtstart, datetime):
        raise InvalidRecurrence("CRON", "needs a due with a time of day; use an RRULE for an all-day task")
    return Frame(dtstart, tz)


@lru_cache(maxsize=256)
def _validated(text: str) -> str:
    from cronsim import CronSim, CronSimError

    fields = _fields(text)
    canonical = " ".join(fields)
    try:
        # from 1970 in UTC: the answer must not depend on when somebody asks
        schedule = CronSim(canonical, datetime(1970, 1, 1, tzinfo=UTC))
        next(schedule)
    except CronSimError as error:
        raise InvalidRecurrence("CRON", _unreadable(str(error), fields)) from None
    except StopIteration:
        raise InvalidRecurrence("CRON", "never occurs; no such day in these months") from None
    _check_spacing(sorted(schedule.minutes), schedule.hours)
    return canonical


def _fields(text: str) -> list[str]:
    for char in text:
        if not (" " <= char <= "~" or char in "\t\r\n"):
            raise InvalidRecurrence(
                "CRON", f"contains U+{ord(char):04X}; write ASCII letters, digits and signs"
            )
    fields = _ALIASES.get(text.strip().lower(), text).upper().split()
    if len(fields) != _FIELDS:
        raise InvalidRecurrence("CRON", _misshapen(fields))
    return fields


def _misshapen(fields: list[str]) -> str:
    """The error for a text without five fields: what it looks like, and where to send that."""
    first = fields[0] if fields else ""
    if first.startswith("@"):
        return f"has no such name; known are {', '.join(_ALIASES)}"
    if first.startswith(("CRON_TZ=", "TZ=")):
        return "has its zone inside; send the zone as timezone beside the due, and five fields"
    if "FREQ=" in first:
        return "looks like an RRULE; send it as rrule"
    if len(fields) == _FIELDS + 1:
        return f"has six fields; {_NAMES} are five: a schedule here has neither seconds nor years"
    return f"needs exactly five fields, {_NAMES}, such as 0 9 * * 1-5"


def _unreadable(error: str, fields: list[str]) -> str:
    """What the field that cronsim names may hold."""
    name = error.removeprefix("Bad ")
    if name not in _RANGES:
        return f"{error}; the five fields are {_NAMES}, such as 0 9 * * 1-5"
    if "?" in fields:
        return f"has a bad {name}; write * for ?"
    return f"has a bad {name}: it may be {_RANGES[name]}, a list 1,2, a range 1-2, a step */2 or *"


def _check_spacing(minutes: list[int], hours: set[int]) -> None:
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    if any((hour + 1) % _HOURS_A_DAY in hours for hour in hours):
        gaps.append(minutes[0] + _HOUR - minutes[-1])
    if gaps and min(gaps) < MIN_SPACING:
        reason = f"has runs {min(gaps)} minutes apart; the closest that one series may have is {MIN_SPACING}"
        raise InvalidRecurrence("CRON", reason)


def _moments(text: str, frame: Frame, after: datetime | None, *, include_dtstart: bool) -> Iterator[Moment]:
    from cronsim import CronSim

    last = frame.origin - _SECOND
    if include_dtstart:
        last = frame.origin
        if after is None or frame.origin > after:
            yield frame.origin, frame.anchor
    last = last if after is None else max(last, after)
    where = UTC if frame.zone is None or frame.zone.key == "UTC" else frame.zone
    schedule = CronSim(text, last.replace(tzinfo=UTC).astimezone(where))
    while True:
        try:
            instant = next(schedule).astimezone(UTC).replace(tzinfo=None)
        except (StopIteration, OverflowError):  # nothing for 50 years, or the year 9999
            return
        if instant > last:  # cronsim restarts from the first pass of a fold
            last = instant
            yield instant, local_time(instant, frame.zone)
