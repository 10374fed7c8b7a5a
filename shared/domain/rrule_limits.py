"""The limits of rules that users may store, and the check for rules that never occur.
`canonical_rule` is called by `recurrence.validate` only; the engine itself expands any valid rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from shared.domain.recurrence_set import (
    REPLAYED,
    Frame,
    When,
    check_exceptions,
    fit_rule,
    rule_moments,
    until_instant,
)
from shared.domain.rrule_lines import without_start
from shared.domain.rrule_periods import Fuel
from shared.domain.rrule_text import InvalidRecurrence, Rule, format_rule, parse_rule
from shared.domain.time_text import FIRST_YEAR, LAST_YEAR

__all__ = ["MAX_EXCEPTIONS", "canonical_rule", "check_anchor", "check_exception_count"]

MAX_BYTES = 512
MAX_VALUES = 400
MAX_INTERVAL = 1_000
MAX_PER_DAY = 96  # every 15 minutes
MIN_MINUTES = 15
MAX_EXCEPTIONS = 1_000
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_YEAR_DAYS = 366
_WEEKS_IN_MONTH = 5
_HOURS, _MINUTES = 24, 1440
_TOO_MANY = f"can give more than {MAX_PER_DAY} occurrences a day, the most that one series may have"
_TOO_OFTEN = (
    f"must be at least {MIN_MINUTES} with FREQ=MINUTELY; minutes of every hour are FREQ=HOURLY;BYMINUTE=0,30"
)


def canonical_rule(
    text: str, dtstart: date | datetime | None, tz: str | None, *,
    exdates: Sequence[When], rdates: Sequence[When],
) -> str:  # fmt: skip
    """See `recurrence.validate`."""
    if not isinstance(text, str) or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise InvalidRecurrence("RRULE", f"must be text of at most {MAX_BYTES} bytes; write every value once")
    check_exception_count(exdates, rdates)
    rule = parse_rule(text if dtstart is None else without_start(text, dtstart, tz))
    _check_numbers(rule)
    _check_density(rule)
    _check_possible(rule)
    if dtstart is None:
        return format_rule(rule)
    check_anchor(dtstart)
    frame = Frame(dtstart, tz)
    check_exceptions(frame, exdates, rdates)
    rule = _canonical_until(fit_rule(rule, frame), frame)
    _check_occurs(rule, frame)
    return format_rule(rule)


def check_anchor(dtstart: date | datetime) -> None:
    """Raise `InvalidRecurrence` unless the first occurrence is in a supported year."""
    if not FIRST_YEAR <= dtstart.year <= LAST_YEAR:
        raise InvalidRecurrence("DTSTART", f"the year must lie in {FIRST_YEAR} to {LAST_YEAR}")


def check_exception_count(exdates: Sequence[When], rdates: Sequence[When]) -> None:
    """Raise `InvalidRecurrence` for more than MAX_EXCEPTIONS of EXDATE and RDATE together."""
    if len(exdates) + len(rdates) > MAX_EXCEPTIONS:
        raise InvalidRecurrence("EXDATE", f"and RDATE may have at most {MAX_EXCEPTIONS} values together")


def _check_numbers(rule: Rule) -> None:
    if rule.interval > MAX_INTERVAL:
        raise InvalidRecurrence("INTERVAL", f"must be at most {MAX_INTERVAL}")
    if rule.count is not None and rule.count > REPLAYED:
        raise InvalidRecurrence("COUNT", f"must be at most {REPLAYED}; end a longer series with UNTIL")
    if rule.until is not None and not FIRST_YEAR <= rule.until.year <= LAST_YEAR:
        endless = "; a series without an end has none" if rule.until.year > LAST_YEAR else ""
        raise InvalidRecurrence("UNTIL", f"the year must lie in {FIRST_YEAR} to {LAST_YEAR}{endless}")
    for part, values in (
        ("BYYEARDAY", rule.by_year_day),
        ("BYSETPOS", rule.by_set_pos),
        ("BYDAY", rule.by_day),
    ):
        if len(values) > MAX_VALUES:
            raise InvalidRecurrence(part, f"may list at most {MAX_VALUES} values")


def _check_density(rule: Rule) -> None:
    if rule.freq == "SECONDLY":
        reason = f"SECONDLY is too often; FREQ=MINUTELY;INTERVAL={MIN_MINUTES} is the shortest step"
        raise InvalidRecurrence("FREQ", reason)
    if rule.freq == "MINUTELY" and rule.interval < MIN_MINUTES:
        raise InvalidRecurrence("INTERVAL", _TOO_OFTEN)
    hours, minutes, seconds = len(rule.by_hour) or 1, len(rule.by_minute) or 1, len(rule.by_second) or 1
    if rule.freq == "HOURLY":
        hours = len(rule.by_hour) or -(-_HOURS // rule.interval)
    elif rule.freq == "MINUTELY":
        hours, minutes = 1, -(-_MINUTES // rule.interval)
    if hours * minutes * seconds > MAX_PER_DAY:
        part = "BYSECOND" if seconds > 1 else "BYMINUTE"
        raise InvalidRecurrence(part, _TOO_MANY)


def _check_possible(rule: Rule) -> None:
    """Refuse combinations that no year has; found without iterating."""
    months = rule.by_month or range(1, 13)
    if rule.by_month_day and rule.skip == "OMIT":
        longest = max(_DAYS_IN[month - 1] for month in months)
        if all(abs(day) > longest for day in rule.by_month_day):
            raise InvalidRecurrence("BYMONTHDAY", "never occurs: no such day in these months; -1 is the last")
    ordinals = [abs(ordinal) for _, ordinal in rule.by_day]
    in_month = rule.freq == "MONTHLY" or bool(rule.by_month)
    if ordinals and in_month and min(ordinals) > _WEEKS_IN_MONTH:
        raise InvalidRecurrence("BYDAY", f"never occurs: a month has at most {_WEEKS_IN_MONTH} of a weekday")
    if rule.by_month and rule.by_year_day and not any(_year_day_in(day, months) for day in rule.by_year_day):
        raise InvalidRecurrence("BYYEARDAY", "never occurs: none of these days lies in BYMONTH")


def _year_day_in(day: int, months: Sequence[int]) -> bool:
    """Whether a year day can fall into one of the months, in a leap year or another one."""
    for length in (_YEAR_DAYS - 1, _YEAR_DAYS):
        left = day if day > 0 else length + 1 + day
        for month, days in enumerate(_DAYS_IN, start=1):
            size = days - (month == 2 and length < _YEAR_DAYS)  # noqa: PLR2004 - February
            if 1 <= left <= size and month in months:
                return True
            left -= size
    return False


def _canonical_until(rule: Rule, frame: Frame) -> Rule:
    """UNTIL in UTC for a zoned series, else as it is; it must be of the kind of the series."""
    if rule.until is None:
        return rule
    _check_until_kind(rule.until, frame)
    until = until_instant(rule.until, frame)
    if until < frame.origin:
        raise InvalidRecurrence("UNTIL", "lies before the due, which is the first occurrence")
    return rule if frame.zone is None else rule.replace(until=until.replace(tzinfo=UTC))


def _check_until_kind(until: date | datetime, frame: Frame) -> None:
    timed = isinstance(until, datetime)
    if frame.all_day and timed:
        reason = "must be a date for an all-day series; write the last day alone, such as 20260601"
        raise InvalidRecurrence("UNTIL", reason)
    if frame.zone is not None or frame.all_day:
        return
    if not timed:
        reason = f"must be a local time for a floating series; the whole day is {until:%Y%m%d}T235959"
        raise InvalidRecurrence("UNTIL", reason)
    if isinstance(until, datetime) and until.tzinfo is not None:
        reason = "must be local for a floating series; write the user's local time without Z"
        raise InvalidRecurrence("UNTIL", reason)


def _check_occurs(rule: Rule, frame: Frame) -> None:
    """Refuse a rule without any occurrence; one that has none because of its UNTIL is accepted."""
    bounded = rule.until is not None
    if not bounded and next(rule_moments(rule, frame, Fuel()), None) is None:
        raise InvalidRecurrence("RRULE", "never occurs; change the BY parts or INTERVAL")
