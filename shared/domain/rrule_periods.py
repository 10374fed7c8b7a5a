"""Bounded iteration over the periods of a DAILY to YEARLY rule, yielding wall times in order.
Called by `recurrence_set`; begins at the period that is asked for, so an old anchor takes no more time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product

from shared.domain.rrule_days import (
    MAX_ORDINAL,
    DayRules,
    january_1,
    month_length,
    month_start,
    split,
    week_1,
)
from shared.domain.rrule_text import RecurrenceLimit, Rule

__all__ = ["BUDGET", "Fuel", "wall_times"]

# Units of work without an occurrence, about 1 µs each, counted before filtering. Dates repeat after 400
# years: a YEARLY rule ends after 500 years without an occurrence, when it is certain that there is none.
BUDGET = 20_000
_YEAR_COST, _MONTH_COST, _WEEK_COST, _LEAP_COST = 40, 4, 4, 4
_LAST_YEAR = 9999
_LISTED_TIMES = 1_440  # above this the times of a day are computed when they are looked at


class Fuel:
    """The work that may still be done until the next occurrence is found; then the caller refills it."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = BUDGET

    def burn(self, units: int) -> None:
        """Take `units` off; `RecurrenceLimit` when nothing is left."""
        self.left -= units
        if self.left < 0:
            raise RecurrenceLimit("RRULE", "matches too rarely or never; change the BY parts or INTERVAL")

    def refill(self) -> None:
        """Allow the whole budget again: an occurrence was found."""
        self.left = BUDGET


class _Times(Sequence[timedelta]):
    """The times of day of a rule with very many of them, computed on access."""

    def __init__(self, hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int]) -> None:
        self._hours, self._minutes, self._seconds = hours, minutes, seconds

    def __len__(self) -> int:
        return len(self._hours) * len(self._minutes) * len(self._seconds)

    def __getitem__(self, index: int) -> timedelta:  # type: ignore[override]  # never sliced
        rest, second = divmod(index, len(self._seconds))
        hour, minute = divmod(rest, len(self._minutes))
        return timedelta(
            hours=self._hours[hour], minutes=self._minutes[minute], seconds=self._seconds[second]
        )


def _times_of_day(rule: Rule, anchor: datetime) -> Sequence[timedelta]:
    hours = rule.by_hour or (anchor.hour,)
    minutes = rule.by_minute or (anchor.minute,)
    seconds = rule.by_second or (anchor.second,)
    if len(hours) * len(minutes) * len(seconds) > _LISTED_TIMES:
        return _Times(hours, minutes, seconds)
    return tuple(timedelta(hours=h, minutes=m, seconds=s) for h, m, s in product(hours, minutes, seconds))


def wall_times(
    rule: Rule, anchor: datetime, *, start: datetime, stop: datetime, fuel: Fuel
) -> Iterator[datetime]:
    """Members of the rule from `start` on, strictly increasing; ends with the first period after `stop`.

    UNTIL and COUNT are the caller's. Members before the anchor are left out, but BYSETPOS counts them.
    """
    times = _times_of_day(rule, anchor)
    start = max(start, anchor)
    first_day, first_time = start.toordinal(), start - datetime.fromordinal(start.toordinal())
    for days in _PERIODS[rule.freq](rule, anchor, start, stop.toordinal(), fuel):
        if rule.by_set_pos:
            fuel.burn(len(rule.by_set_pos) // 8)
            chosen = _at_positions(rule.by_set_pos, days, times)
            yield from (wall for wall in chosen if wall >= start)
            continue
        for index in range(bisect_left(days, first_day), len(days)):
            day = days[index]
            if day > MAX_ORDINAL:
                return
            midnight = datetime.fromordinal(day)
            skipped = bisect_left(times, first_time) if day == first_day else 0
            for position in range(skipped, len(times)):
                yield midnight + times[position]


def _at_positions(
    positions: Sequence[int], days: Sequence[int], times: Sequence[timedelta]
) -> list[datetime]:
    size = len(days) * len(times)
    indexes = {position - 1 if position > 0 else size + position for position in positions}
    walls = []
    for index in sorted(indexes):
        if 0 <= index < size:
            day, time = divmod(index, len(times))
            if 1 <= days[day] <= MAX_ORDINAL:
                walls.append(datetime.fromordinal(days[day]) + times[time])
    return walls


def _years(rule: Rule, anchor: datetime, start: datetime, stop: int, fuel: Fuel) -> Iterator[list[int]]:
    rules = DayRules(rule, anchor)
    year, first = _first_year(rule, rules, anchor), _period_year(rule, start)
    if rule.skip != "OMIT":
        first -= 1  # SKIP=FORWARD reaches into the following year
    if first > year:
        year += (first - year) // rule.interval * rule.interval
    months = len(rules.months) or 12
    cost = _YEAR_COST + len(rule.by_year_day) + 7 * len(rule.by_week_no) + months * len(rules.month_days)
    begin = week_1 if rule.by_week_no else _calendar_year
    while year <= _LAST_YEAR + 1 and begin(year, rule.wkst) <= stop + 1:
        fuel.burn(cost)
        yield rules.of_year(year)
        year += rule.interval


def _first_year(rule: Rule, rules: DayRules, anchor: datetime) -> int:
    """The year that INTERVAL counts from: the week year that holds the anchor, if it has members nearby.

    RFC 5545 does not say which; this is what libical does: 2010-01-02 and 2016-01-02 are six years apart.
    """
    year = _period_year(rule, anchor)
    if year == anchor.year or rule.interval == 1:
        return min(year, anchor.year)
    days = rules.of_year(year)
    near = days and (year > anchor.year or days[-1] >= january_1(anchor.year))
    return year if near else anchor.year


def _calendar_year(year: int, _wkst: int) -> int:
    return january_1(year)


def _period_year(rule: Rule, wall: datetime) -> int:
    """The calendar year, or the year whose weeks hold the day when BYWEEKNO makes weeks the unit."""
    year = wall.year
    if not rule.by_week_no:
        return year
    day = wall.toordinal()
    if day < week_1(year, rule.wkst):
        return year - 1
    return year + 1 if day >= week_1(year + 1, rule.wkst) else year


def _months(rule: Rule, anchor: datetime, start: datetime, stop: int, fuel: Fuel) -> Iterator[list[int]]:
    rules = DayRules(rule, anchor)
    index, first = anchor.year * 12 + anchor.month - 1, start.year * 12 + start.month - 1
    if rule.skip != "OMIT":
        first -= 1
    if first > index:
        index += (first - index) // rule.interval * rule.interval
    cost = _MONTH_COST + (len(rules.month_days) + 5 * len(rule.by_day)) // 2
    while index < (_LAST_YEAR + 1) * 12:
        year, month = divmod(index, 12)
        if month_start(year, month + 1) > stop + 1:  # +1: SKIP=BACKWARD reaches one day back
            return
        fuel.burn(cost)
        yield rules.of_month(year, month + 1)
        index += rule.interval


def _weeks(rule: Rule, anchor: datetime, start: datetime, stop: int, fuel: Fuel) -> Iterator[list[int]]:
    rules = DayRules(rule, anchor)
    day = anchor.toordinal()
    day -= (day - 1 - rule.wkst) % 7
    step = rule.interval * 7
    if start > anchor:
        day += (start.toordinal() - day) // step * step
    while day <= min(stop, MAX_ORDINAL):
        fuel.burn(_WEEK_COST)
        yield rules.of_week(day)
        day += step


def _days(rule: Rule, anchor: datetime, start: datetime, stop: int, fuel: Fuel) -> Iterator[list[int]]:
    rules = DayRules(rule, anchor)
    filtered = bool(rules.weekdays or rules.months or rules.month_days)
    day, interval = anchor.toordinal(), rule.interval
    day += -(-(start.toordinal() - day) // interval) * interval
    stop = min(stop, MAX_ORDINAL)
    while day <= stop:
        if not filtered or rules.matches(day):
            fuel.burn(1)
            yield [day]
            day += interval
        else:
            day += -(-(next_candidate(rules, day, fuel) - day) // interval) * interval


def next_candidate(rules: DayRules, day: int, fuel: Fuel) -> int:
    """A later day before which nothing can match: tomorrow, or what BYMONTH and BYMONTHDAY allow."""
    if not (rules.months or rules.month_days):
        fuel.burn(1)
        return day + 1
    fuel.burn(_LEAP_COST)
    year, month, number = split(day)
    if not rules.months or month in rules.months:
        if not rules.month_days:
            return day + 1
        length = month_length(year, month)
        days = (wanted if wanted > 0 else length + 1 + wanted for wanted in rules.month_days)
        later = [candidate for candidate in days if number < candidate <= length]
        if later:
            return day - number + min(later)
        return month_start(year, month) + length
    later = [wanted for wanted in rules.months if wanted > month]
    return month_start(year, min(later)) if later else month_start(year + 1, min(rules.months))


_PERIODS = {"YEARLY": _years, "MONTHLY": _months, "WEEKLY": _weeks, "DAILY": _days}
