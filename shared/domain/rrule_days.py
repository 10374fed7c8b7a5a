"""The days of one recurrence period (year, month, week or day) as sorted ordinals (`date.toordinal`).
Called by `rrule_periods` and `rrule_elapsed`. Parts that a rule leaves out are taken from DTSTART (RFC 5545).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain.rrule_text import Rule

__all__ = ["MAX_ORDINAL", "DayRules", "january_1", "month_length", "month_start", "split", "week_1"]

MAX_ORDINAL = 3_652_059  # 9999-12-31
_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
_FEBRUARY = 2
_EARLIEST_WEEK_1 = 3  # days before January 1: week 1 holds at least four days of its year


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def january_1(year: int) -> int:
    """Ordinal of January 1; also for the years 0 and 10000, which `date` refuses."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 + 1


def month_start(year: int, month: int) -> int:
    """Ordinal of the first of the month."""
    return january_1(year) + _BEFORE[month - 1] + (month > _FEBRUARY and _is_leap(year))


def month_length(year: int, month: int) -> int:
    """Days in the month."""
    return _BEFORE[month] - _BEFORE[month - 1] + (month == _FEBRUARY and _is_leap(year))


def week_1(year: int, wkst: int) -> int:
    """Ordinal on which week 1 of `year` starts, for weeks that start on `wkst` (ISO 8601 when Monday)."""
    first = january_1(year)
    offset = (first - 1 - wkst) % 7
    return first - offset if offset <= _EARLIEST_WEEK_1 else first - offset + 7


class DayRules:
    """The day parts of a rule; those that it leaves out are filled in from the anchor (RFC 5545 §3.3.10)."""

    __slots__ = (
        "month_days", "months", "ordinals", "skip", "week_nos", "weekdays", "wkst", "year_days"
    )  # fmt: skip

    def __init__(self, rule: Rule, anchor: datetime) -> None:
        self.months = frozenset(rule.by_month)
        self.month_days = rule.by_month_day
        self.year_days = rule.by_year_day
        self.week_nos = rule.by_week_no
        self.weekdays = frozenset(day for day, ordinal in rule.by_day if not ordinal)
        self.ordinals = tuple(pair for pair in rule.by_day if pair[1])
        self.skip = rule.skip
        self.wkst = rule.wkst
        has_days = bool(self.month_days or self.year_days or rule.by_day)
        if rule.freq == "WEEKLY" and not rule.by_day:
            self.weekdays = frozenset((anchor.weekday(),))
        elif rule.freq == "MONTHLY" and not has_days:
            self.month_days = (anchor.day,)
        elif rule.freq == "YEARLY" and not has_days:
            if self.week_nos:
                self.weekdays = frozenset((anchor.weekday(),))
            else:
                self.month_days = (anchor.day,)
                self.months = self.months or frozenset((anchor.month,))
        elif rule.freq == "YEARLY" and not (self.months or self.week_nos or self.year_days or rule.by_day):
            self.months = frozenset((anchor.month,))

    def of_year(self, year: int) -> list[int]:
        """Days of a calendar year, or of a week-numbering year when BYWEEKNO is given."""
        if self.week_nos:
            return self._keep(self._in_weeks(year), year)
        if self.year_days:
            return self._keep(self._in_year(year), year)
        if not self.month_days:
            return sorted(self._by_weekday_of_year(year))
        months = self.months or range(1, 13)
        days = {day for month in months for day in self._in_month(year, month)}
        if self._has_weekdays:
            days = self._on_weekdays(days, self._nth_of_year(year))
        return sorted(days)

    def of_month(self, year: int, month: int) -> list[int]:
        """Days of a calendar month; empty when BYMONTH leaves it out."""
        if self.months and month not in self.months:
            return []
        start, length = month_start(year, month), month_length(year, month)
        if not self.month_days:
            return sorted(self._by_weekday(start, start + length))
        days = self._in_month(year, month)
        if self._has_weekdays:
            days = self._on_weekdays(days, self._nth(start, start + length))
        return sorted(days)

    def of_week(self, start: int) -> list[int]:
        """Days of the week that begins at ordinal `start`."""
        days = [day for day in range(start, start + 7) if (day - 1) % 7 in self.weekdays]
        if self.months:
            days = [day for day in days if 1 <= day <= MAX_ORDINAL and split(day)[1] in self.months]
        return days

    def matches(self, day: int) -> bool:
        """Whether DAILY and sub-daily rules keep this day."""
        if self.weekdays and (day - 1) % 7 not in self.weekdays:
            return False
        if not (self.months or self.month_days or self.year_days):
            return True
        year, month, number = split(day)
        if self.months and month not in self.months:
            return False
        return self._number_matches(year, month, number) and self._year_day_matches(day, year)

    @property
    def _has_weekdays(self) -> bool:
        return bool(self.weekdays or self.ordinals)

    def _number_matches(self, year: int, month: int, number: int) -> bool:
        wanted = self.month_days
        return not wanted or number in wanted or number - month_length(year, month) - 1 in wanted

    def _year_day_matches(self, day: int, year: int) -> bool:
        wanted = self.year_days
        return not wanted or day - january_1(year) + 1 in wanted or day - january_1(year + 1) in wanted

    def _in_month(self, year: int, month: int) -> set[int]:
        start, length = month_start(year, month), month_length(year, month)
        return self._numbered(self.month_days, start, length)

    def _in_year(self, year: int) -> set[int]:
        start = january_1(year)
        return self._numbered(self.year_days, start, january_1(year + 1) - start)

    def _numbered(self, numbers: Iterable[int], start: int, length: int) -> set[int]:
        """Days counted from the start or the end of a span; SKIP moves the missing ones (RFC 7529 §4.1)."""
        days = set()
        for number in numbers:
            index = number - 1 if number > 0 else length + number
            if 0 <= index < length:
                days.add(start + index)
            elif self.skip == "BACKWARD":
                days.add(start + length - 1 if index > 0 else start - 1)
            elif self.skip == "FORWARD":
                days.add(start + length if index > 0 else start)
        return days

    def _in_weeks(self, year: int) -> set[int]:
        first, following = week_1(year, self.wkst), week_1(year + 1, self.wkst)
        weeks = (following - first) // 7
        days: set[int] = set()
        for number in self.week_nos:
            week = number if number > 0 else weeks + 1 + number
            if 1 <= week <= weeks:
                days.update(range(first + week * 7 - 7, first + week * 7))
        return days

    def _keep(self, days: set[int], year: int) -> list[int]:
        """Those of the days given by BYWEEKNO or BYYEARDAY that the other parts allow."""
        if self._has_weekdays:
            days = self._on_weekdays(days, self._nth_of_year(year))
        kept = []
        for day in sorted(days):
            if not 1 <= day <= MAX_ORDINAL:
                continue
            in_year, month, number = split(day)
            if self.months and month not in self.months:
                continue
            # days that BYYEARDAY itself gave need no check against it; SKIP may have moved them
            if self._number_matches(in_year, month, number) and (
                not self.week_nos or self._year_day_matches(day, in_year)
            ):
                kept.append(day)
        return kept

    def _on_weekdays(self, days: set[int], nth: set[int]) -> set[int]:
        """BYDAY as a limit: plain weekdays anywhere, ordinal ones where `nth` says."""
        return {day for day in days if (day - 1) % 7 in self.weekdays or day in nth}

    def _nth_of_year(self, year: int) -> set[int]:
        if not self.ordinals:
            return set()
        if not self.months:
            return self._nth(january_1(year), january_1(year + 1))
        starts = [(month_start(year, month), month_length(year, month)) for month in self.months]
        return {day for start, length in starts for day in self._nth(start, start + length)}

    def _by_weekday_of_year(self, year: int) -> set[int]:
        if not self.months:
            return self._by_weekday(january_1(year), january_1(year + 1))
        days: set[int] = set()
        for month in self.months:
            start = month_start(year, month)
            days |= self._by_weekday(start, start + month_length(year, month))
        return days

    def _by_weekday(self, start: int, end: int) -> set[int]:
        """Plain weekdays and ordinal ones of a span, as a union: MO,2TU is both."""
        days = {day for weekday in self.weekdays for day in range(start + (weekday - start + 1) % 7, end, 7)}
        return days | self._nth(start, end) if self.ordinals else days

    def _nth(self, start: int, end: int) -> set[int]:
        days = set()
        for weekday, ordinal in self.ordinals:
            if ordinal > 0:
                day = start + (weekday - start + 1) % 7 + (ordinal - 1) * 7
            else:
                day = end - 1 - (end - 2 - weekday) % 7 + (ordinal + 1) * 7
            if start <= day < end:
                days.add(day)
        return days


def split(day: int) -> tuple[int, int, int]:
    """Year, month and day of an ordinal."""
    value = datetime.fromordinal(day)
    return value.year, value.month, value.day
