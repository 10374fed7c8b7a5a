"""Bounded iteration over HOURLY to SECONDLY rules in elapsed (UTC) time, filtered on local wall time.
Called by `recurrence_set`; skips the days, hours and minutes that the BY parts exclude.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.domain.rrule_days import MAX_ORDINAL, DayRules
from shared.domain.rrule_periods import Fuel, next_candidate
from shared.domain.rrule_text import Rule
from shared.domain.zone_walk import LATEST, ZoneWalk, first_reaching, local_time

TYPE_CHECKING = False
if TYPE_CHECKING:  # see zone_walk
    from zoneinfo import ZoneInfo

__all__ = ["Moment", "instants"]

Moment = tuple[datetime, datetime]  # naive UTC (the wall time itself when floating), local wall time

_UNITS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_SECOND = timedelta(seconds=1)
_PERIOD_COST = 16  # of a period with several instants
_LEAP_COST = 20  # two zone look-ups and a scan


def _reaching(wall: datetime, zone: ZoneInfo | None, now: datetime) -> datetime:
    """The first instant from `now` on at which the local clock shows `wall` or later."""
    if zone is None:
        return wall
    first = first_reaching(wall, zone)
    if first >= now:
        return first
    second = wall.replace(tzinfo=zone, fold=1).utcoffset()  # in the second pass through a fold
    return wall - second if second is not None else first


class _LocalFilter:
    """BYMONTH … BYSECOND as limits on local time: for a wall time, the next one that passes."""

    def __init__(self, rule: Rule, anchor: datetime, stop: datetime, fuel: Fuel) -> None:
        self._last_day = min(stop.toordinal() + 1, MAX_ORDINAL)  # local days may be one ahead of UTC
        self._days = DayRules(rule, anchor)
        self._fuel = fuel
        days = self._days
        self._filters_days = bool(days.weekdays or days.months or days.month_days or days.year_days)
        self._hours = rule.by_hour
        self._minutes = rule.by_minute if rule.freq != "HOURLY" else ()
        self._seconds = rule.by_second if rule.freq == "SECONDLY" else ()
        self.active = bool(self._filters_days or self._hours or self._minutes or self._seconds)

    def following(self, wall: datetime) -> datetime | None:
        """The first wall time from `wall` on that passes; None when UNTIL or the calendar ends before."""
        while True:
            day = self._matching_day(wall.toordinal())
            if day is None:
                return None
            if day != wall.toordinal():
                wall = datetime.fromordinal(day)
            hour = _next_of(self._hours, wall.hour)
            if hour is None:
                if day == MAX_ORDINAL:
                    return None
                wall = datetime.fromordinal(day + 1)
                continue
            if hour != wall.hour:
                wall = wall.replace(hour=hour, minute=0, second=0)
            within_hour = self._within_hour(wall)
            if within_hour is not None:
                return within_hour
            wall = wall.replace(minute=59, second=59)
            if wall >= LATEST:
                return None
            wall += _SECOND

    def _within_hour(self, wall: datetime) -> datetime | None:
        minute = _next_of(self._minutes, wall.minute)
        if minute is not None and minute == wall.minute:
            second = _next_of(self._seconds, wall.second)
            if second is not None:
                return wall if second == wall.second else wall.replace(second=second)
            minute = _next_of(self._minutes, wall.minute + 1) if wall.minute < 59 else None  # noqa: PLR2004  # minutes
        if minute is None:
            return None
        return wall.replace(minute=minute, second=self._seconds[0] if self._seconds else 0)

    def _matching_day(self, day: int) -> int | None:
        if not self._filters_days:
            return day
        while not self._days.matches(day):
            day = next_candidate(self._days, day, self._fuel)
            if day > self._last_day:
                return None
        return day


def _next_of(wanted: tuple[int, ...], value: int) -> int | None:
    """The smallest of the sorted `wanted` from `value` on; any value when nothing is wanted."""
    if not wanted or value in wanted:
        return value
    return next((candidate for candidate in wanted if candidate > value), None)


def instants(
    rule: Rule, anchor: datetime, zone: ZoneInfo | None, *, start: datetime, stop: datetime, fuel: Fuel
) -> Iterator[Moment]:
    """Members of the rule from the instant `start` to `stop`, in order; ends with the calendar.

    `anchor` is the wall time of DTSTART, `start` and `stop` are naive UTC (wall times when `zone` is None).
    """
    offset = anchor.replace(tzinfo=zone).utcoffset() if zone else None
    origin = anchor - offset if offset else anchor
    unit = _UNITS[rule.freq]
    expands = bool(rule.by_second and unit > 1) or bool(rule.by_minute and rule.freq == "HOURLY")
    walk = _expanded if expands or rule.by_set_pos else _stepped
    try:
        yield from walk(rule, local_time(origin, zone), origin, zone, max(start, origin), stop, fuel)
    except OverflowError:
        return


def _stepped(  # noqa: PLR0917 - internal twin of _expanded
    rule: Rule, anchor: datetime, origin: datetime, zone: ZoneInfo | None,
    start: datetime, stop: datetime, fuel: Fuel,
) -> Iterator[Moment]:  # fmt: skip
    """One instant per period: the usual case."""
    limits = _LocalFilter(rule, anchor, stop, fuel)
    walk = ZoneWalk(zone) if zone else None
    step = timedelta(seconds=_UNITS[rule.freq]) * rule.interval
    instant = origin + -(-(start - origin) // step) * step
    while instant <= stop:
        fuel.burn(1)
        wall = walk.local(instant) if walk else instant
        passing = limits.following(wall) if limits.active else wall
        if passing is None:
            return
        if passing == wall:
            yield instant, wall
            instant += step
            continue
        fuel.burn(_LEAP_COST)
        target = _reaching(passing, zone, instant)
        instant += max(-(-(target - instant) // step), 1) * step


def _expanded(  # noqa: PLR0917  # called once
    rule: Rule, anchor: datetime, origin: datetime, zone: ZoneInfo | None,
    start: datetime, stop: datetime, fuel: Fuel,
) -> Iterator[Moment]:  # fmt: skip
    """BYMINUTE and BYSECOND give several instants per hour or minute; BYSETPOS chooses among them."""
    limits = _LocalFilter(rule, anchor, stop, fuel)
    walk = ZoneWalk(zone) if zone else None
    unit = _UNITS[rule.freq]
    step = timedelta(seconds=unit) * rule.interval
    into_period = anchor.minute * 60 + anchor.second if rule.freq == "HOURLY" else anchor.second
    period = origin - timedelta(seconds=into_period % unit)
    period += max((start - period) // step, 0) * step
    while period <= stop:
        fuel.burn(_PERIOD_COST)
        wall = walk.local(period) if walk else period
        passing = limits.following(wall) if limits.active else wall
        if passing is None:
            return
        ahead = _reaching(passing, zone, period) - period
        if passing != wall and ahead >= timedelta(seconds=unit):
            fuel.burn(_LEAP_COST)
            period += max(ahead // step, 1) * step
            continue
        members = _members(rule, anchor, period, wall, walk, limits, fuel)
        yield from (moment for moment in members if start <= moment[0] <= stop)
        period += step


def _members(  # noqa: PLR0917  # called once
    rule: Rule, anchor: datetime, period: datetime, wall: datetime,
    walk: ZoneWalk | None, limits: _LocalFilter, fuel: Fuel,
) -> list[Moment]:  # fmt: skip
    """The instants of one hour or minute whose local time passes every part."""
    unit = _UNITS[rule.freq]
    begin = wall.minute * 60 + wall.second
    minutes: tuple[int, ...] = (wall.minute,)
    if rule.freq == "HOURLY":
        minutes = rule.by_minute or ((anchor.minute + wall.minute) % 60,)
    seconds = rule.by_second or (anchor.second,)
    if rule.freq == "SECONDLY":
        minutes, seconds = (wall.minute,), (wall.second,)
    offsets = sorted({(m * 60 + s - begin) % unit for m in minutes for s in seconds})
    fuel.burn(len(offsets) // 2)
    members = []
    for offset in offsets:
        instant = period + timedelta(seconds=offset)
        local = walk.local(instant) if walk else instant
        if limits.active and limits.following(local) != local:
            continue
        if rule.by_minute and local.minute not in rule.by_minute:  # the clocks changed within the hour
            continue
        members.append((instant, local))
    if not rule.by_set_pos:
        return members
    size = len(members)
    chosen = {position - 1 if position > 0 else size + position for position in rule.by_set_pos}
    return [members[index] for index in sorted(chosen) if 0 <= index < size]
