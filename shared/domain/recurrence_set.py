"""Makes a recurrence set of wall times: instants in order, UNTIL, COUNT, DTSTART, RDATE and EXDATE.
Called by `recurrence`, `cron` and `next_occurrence`, which make answers, keys and steps of the instances.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from shared.domain.rrule_elapsed import Moment, instants
from shared.domain.rrule_periods import Fuel, wall_times
from shared.domain.rrule_text import SUB_DAILY, InvalidRecurrence, Rule
from shared.domain.time_text import FIRST_YEAR, LAST_YEAR, BadTime, read_time
from shared.domain.zone_walk import EARLIEST, LATEST, ZoneWalk, first_reaching, local_time

TYPE_CHECKING = False
if TYPE_CHECKING:  # see zone_walk
    from zoneinfo import ZoneInfo

__all__ = [
    "REPLAYED",
    "Frame",
    "Instance",
    "When",
    "check_exceptions",
    "fit_rule",
    "merge",
    "parse_when",
    "rule_moments",
    "until_instant",
]

Instance = tuple[datetime, datetime, bool, bool]  # naive UTC, original wall time, counted by COUNT, excluded
When = str | date | datetime

REPLAYED = 9_999  # the highest COUNT that `validate` accepts

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Frame:
    """The kind of time of a series (all-day, floating or zoned) and its first wall time."""

    __slots__ = ("all_day", "anchor", "origin", "zone")

    def __init__(self, dtstart: date | datetime, tz: str | None) -> None:
        self.all_day = not isinstance(dtstart, datetime)
        if isinstance(dtstart, datetime):
            if dtstart.tzinfo is not None:
                raise InvalidRecurrence("DTSTART", "must be a naive wall time; pass the zone as tz")
            self.anchor = dtstart.replace(microsecond=0, fold=0)
        else:
            self.anchor = datetime.combine(dtstart, time())
        self.zone: ZoneInfo | None = None if tz is None or self.all_day else _zone(tz)
        try:
            self.origin = self.instant(self.anchor)
        except OverflowError:
            raise InvalidRecurrence("DTSTART", "lies outside of the years 1 to 9999 in UTC") from None

    def instant(self, value: date | datetime) -> datetime:
        """Naive UTC of a value of this series (the wall time itself when floating or all-day)."""
        if not isinstance(value, datetime):
            return datetime.combine(value, time())
        if value.tzinfo is not None:
            return value.astimezone(UTC).replace(tzinfo=None)
        if self.zone is None:
            return value
        offset = value.replace(tzinfo=self.zone, fold=0).utcoffset()
        return value - offset if offset else value

    def check_kind(self, value: date | datetime) -> None:
        """`after` must be of the same kind as the answers: a mistake of the caller, not of the rule."""
        aware = isinstance(value, datetime) and value.tzinfo is not None
        if isinstance(value, datetime) == self.all_day or aware != (self.zone is not None):
            kind = "a date" if self.all_day else "an aware datetime" if self.zone else "a naive datetime"
            raise TypeError(f"after must be {kind} for this series")

    def answer(self, instant: datetime, wall: datetime) -> date | datetime:
        """The value handed out: date, naive datetime, or aware datetime in the zone."""
        if self.all_day:
            return wall.date()
        return self.zone.fromutc(instant.replace(tzinfo=self.zone)) if self.zone else wall


def _zone(name: str) -> ZoneInfo:
    from shared.domain.zones import zone

    return zone(name)


def fit_rule(rule: Rule, frame: Frame) -> Rule:
    """The rule as it applies to this kind of series; raises when the frequency does not fit."""
    if not frame.all_day:
        return rule
    if rule.freq in SUB_DAILY:
        reason = f"an all-day series repeats daily or less often; {rule.freq} needs a due with a time of day"
        raise InvalidRecurrence("FREQ", reason)
    if rule.by_hour or rule.by_minute or rule.by_second:  # MUST be ignored (RFC 5545 §3.3.10)
        return rule.replace(by_hour=(), by_minute=(), by_second=())
    return rule


def until_instant(until: date | datetime, frame: Frame) -> datetime:
    """UNTIL as naive UTC; a local time is read in the series' zone, a date includes that whole local day.

    Calendars contain UNTILs of another kind than their series; then the written digits are taken.
    `validate` refuses such a rule.
    """
    if frame.all_day:
        return datetime.combine(until.date() if isinstance(until, datetime) else until, time())
    if isinstance(until, datetime):
        return until.replace(tzinfo=None) if frame.zone is None else frame.instant(until)
    if frame.zone is None:
        return datetime.combine(until, LATEST.time())
    try:
        return first_reaching(datetime.combine(until, time()) + _DAY, frame.zone) - _SECOND
    except OverflowError:
        return LATEST


def rule_moments(
    rule: Rule, frame: Frame, fuel: Fuel, *, after: datetime | None = None, include_dtstart: bool = False
) -> Iterator[Moment]:
    """Members of a fitted rule later than `after`, strictly increasing; COUNT is replayed from the anchor."""
    if rule.count is None:
        if include_dtstart and (after is None or frame.origin > after):
            yield frame.origin, frame.anchor
            after = frame.origin
        elif include_dtstart:
            after = max(frame.origin, after or frame.origin)
        yield from _uncounted(rule, frame, fuel, after)
    else:
        yield from _counted(rule, rule.count, frame, fuel, after=after, include_dtstart=include_dtstart)


def _counted(
    rule: Rule, left: int, frame: Frame, fuel: Fuel, *, after: datetime | None, include_dtstart: bool
) -> Iterator[Moment]:
    """The first `left` members, without those up to `after`; DTSTART is one of them if it is included."""
    cost = 1 if left <= REPLAYED else 10  # no accepted rule is cut short; a hostile one ends early
    members = _uncounted(rule, frame, fuel, frame.origin if include_dtstart else None)
    if include_dtstart:
        left -= 1
        if after is None or frame.origin > after:
            yield frame.origin, frame.anchor
    for moment in members:
        left -= 1
        if left < 0:
            return
        if after is None or moment[0] > after:
            yield moment
        else:
            fuel.burn(cost)
        if not left:
            return


def _uncounted(rule: Rule, frame: Frame, fuel: Fuel, after: datetime | None) -> Iterator[Moment]:
    try:
        stop = until_instant(rule.until, frame) if rule.until is not None else LATEST
    except OverflowError:
        stop = LATEST
    if rule.freq in SUB_DAILY:
        start = frame.origin if after is None else after + _SECOND
        yield from instants(rule, frame.anchor, frame.zone, start=start, stop=stop, fuel=fuel)
        return
    start = frame.anchor if after is None else _first_wall(after, frame.zone)
    last_wall = stop if frame.zone is None or stop > LATEST - _DAY else stop + _DAY
    walls = wall_times(rule, frame.anchor, start=start, stop=last_wall, fuel=fuel)
    for moment in _in_order(walls, frame.zone) if frame.zone else _distinct(walls):
        if moment[0] > stop:
            return
        if after is None or moment[0] > after:
            yield moment


def _first_wall(after: datetime, where: ZoneInfo | None) -> datetime:
    """A wall time to start at: no earlier one gives an instant later than `after`. A gap that has just passed
    is taken into account.
    """
    if where is None:
        return after
    try:
        wall = local_time(after, where)
        gap = (wall - after) - (local_time(after - _DAY, where) - (after - _DAY))
    except OverflowError:  # at an end of the calendar: nothing is later, or everything is
        return after
    return wall - gap if gap > timedelta() else wall


def _distinct(walls: Iterable[datetime]) -> Iterator[Moment]:
    """Every wall time once: with SKIP two neighbouring periods can give the same day."""
    last: datetime | None = None
    for wall in walls:
        if last is None or wall > last:
            last = wall
            yield wall, wall


def _in_order(walls: Iterable[datetime], where: ZoneInfo) -> Iterator[Moment]:
    """Resolve, sort what a gap shifted, and drop equal instants: the first in rule order survives."""
    last = EARLIEST
    shifted: deque[Moment] = deque()
    resolve = ZoneWalk(where).resolve
    try:
        for wall in walls:
            instant, missing = resolve(wall)
            if missing:
                shifted.append((instant, wall))
                continue
            while shifted and shifted[0][0] <= instant:
                moment = shifted.popleft()
                if moment[0] > last:
                    last = moment[0]
                    yield moment
            if instant > last:
                last = instant
                yield instant, wall
    except OverflowError:  # beyond the year 9999 in UTC
        pass
    for moment in shifted:
        if moment[0] > last:
            last = moment[0]
            yield moment


def parse_when(part: str, value: When) -> date | datetime:
    """An EXDATE or RDATE: a date, a datetime, or text in the basic (iCalendar) or extended (key) form."""
    if not isinstance(value, str):
        return value.replace(microsecond=0) if isinstance(value, datetime) else value
    try:
        return read_time(value.strip(), basic=value.strip()[4:5] != "-")
    except BadTime:
        raise InvalidRecurrence(part, "must be a date or date-time such as 20260601T080000") from None


class Exclusions:
    """The EXDATEs of a series: they exclude equal instants and wall times; a date excludes its local day."""

    __slots__ = ("_days", "_frame", "_instants", "_walls")

    def __init__(self, frame: Frame, exdates: Sequence[When], *, by_instant: bool) -> None:
        self._frame = frame
        self._instants: set[datetime] = set()
        self._walls: set[datetime] = set()
        self._days: set[date] = set()
        for given in exdates:
            value = parse_when("EXDATE", given)
            _check_value("EXDATE", value, frame)
            if not isinstance(value, datetime) and not frame.all_day:
                self._days.add(value)
                continue
            self._instants.add(_instant("EXDATE", value, frame))
            # two instances in a fold share a wall time: sub-daily series tell them apart by instant only
            if isinstance(value, datetime) and value.tzinfo is None and not by_instant:
                self._walls.add(value)

    def __contains__(self, moment: Moment) -> bool:
        instant, wall = moment
        if instant in self._instants or wall in self._walls:
            return True
        if not self._days:
            return False
        return wall.date() in self._days or local_time(instant, self._frame.zone).date() in self._days


def _check_value(part: str, value: date | datetime, frame: Frame) -> None:
    if frame.all_day and isinstance(value, datetime):
        raise InvalidRecurrence(part, "must hold dates for an all-day series")
    if frame.zone is None and isinstance(value, datetime) and value.tzinfo is not None:
        raise InvalidRecurrence(part, "must hold local times for a floating series")


def _instant(part: str, value: date | datetime, frame: Frame) -> datetime:
    try:
        return frame.instant(value)
    except OverflowError:
        raise InvalidRecurrence(part, "lies outside of the years 1 to 9999 in UTC") from None


def check_exceptions(frame: Frame, exdates: Sequence[When], rdates: Sequence[When]) -> None:
    """Raise where an EXDATE or RDATE cannot be kept: unreadable, of another kind, beyond the years."""
    for part, values in (("EXDATE", exdates), ("RDATE", rdates)):
        if not all(FIRST_YEAR <= parse_when(part, value).year <= LAST_YEAR for value in values):
            raise InvalidRecurrence(part, f"the year must lie in {FIRST_YEAR} to {LAST_YEAR}")
    Exclusions(frame, exdates, by_instant=True)
    _additions(frame, rdates, None)


def _additions(frame: Frame, rdates: Sequence[When], after: datetime | None) -> list[Moment]:
    moments: dict[datetime, datetime] = {}
    for given in rdates:
        value = parse_when("RDATE", given)
        _check_value("RDATE", value, frame)
        if not isinstance(value, datetime):  # a day on a timed series happens at the usual time
            value = datetime.combine(value, frame.anchor.time())
        instant = _instant("RDATE", value, frame)
        wall = value if value.tzinfo is None else local_time(instant, frame.zone)
        if after is None or instant > after:
            moments.setdefault(instant, wall)
    return sorted(moments.items())


def merge(
    moments: Iterator[Moment], frame: Frame, *, exdates: Sequence[When], rdates: Sequence[When],
    after: datetime | None, by_instant: bool,
) -> Iterator[Instance]:  # fmt: skip
    """Rule members and RDATEs in order; an EXDATE'd one is marked, because it still consumes COUNT."""
    if not exdates and not rdates:
        for instant, wall in moments:
            yield instant, wall, True, False
        return
    excluded = Exclusions(frame, exdates, by_instant=by_instant)
    extra = deque(_additions(frame, rdates, after))
    for moment in moments:
        while extra and extra[0][0] < moment[0]:
            added = extra.popleft()
            yield *added, False, added in excluded
        if extra and extra[0][0] == moment[0]:
            extra.popleft()
        yield *moment, True, moment in excluded
    for added in extra:
        yield *added, False, added in excluded


def take(stream: Iterator[Instance], frame: Frame, fuel: Fuel, *, limit: int) -> list[date | datetime]:
    """The first `limit` instances that are not excluded, as answers; the budget is refilled for each."""
    found: list[date | datetime] = []
    for instant, wall, _, excluded in stream:
        if excluded:
            fuel.burn(1)
            continue
        found.append(frame.answer(instant, wall))
        if len(found) == limit:
            break
        fuel.refill()
    return found
