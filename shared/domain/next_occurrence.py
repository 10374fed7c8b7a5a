"""Finds the next occurrence when one is done or skipped, with its key and the occurrences missed before it.
Called by the `recurrence` function, the verbs of series and the preview. Pure: the callers write the result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from shared.domain import cron
from shared.domain.recurrence import instances
from shared.domain.recurrence_set import Frame, Instance, fit_rule
from shared.domain.rrule_limits import MAX_EXCEPTIONS
from shared.domain.rrule_periods import Fuel
from shared.domain.rrule_text import SUB_DAILY, InvalidRecurrence, Rule, parse_rule
from shared.domain.time_text import BadTime, read_time
from shared.domain.zones import zone

__all__ = [
    "MAX_MISSED",
    "KeyedInstance",
    "Recurrence",
    "Step",
    "check_mode",
    "counted_before",
    "first_match",
    "first_step",
    "key_of",
    "next_occurrence",
    "parse_key",
    "upcoming",
]

MAX_MISSED = 1_000  # listed in a step, the newest; a rule of 96 a day passes 35,000 in a year
_COUNTED_MISSED = 2_000  # above this only COUNT is worth counting exactly
_SHORTEST_MONTH = 28
_YEARS = range(2, 9_999)  # in every zone
_SECOND = timedelta(seconds=1)

Mode = Literal["catch_up", "fixed", "from_completion"]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A series as it is stored. `anchor` is the first due as a naive wall time, `tz` is None when it floats.

    `emitted_count` counts the occurrences consumed so far: done, skipped, missed and the current one.
    """

    kind: Literal["rrule", "cron"]
    text: str
    anchor: datetime | date
    tz: str | None
    mode: Mode = "catch_up"
    exdates: tuple[str, ...] = ()
    rdates: tuple[str, ...] = ()
    emitted_count: int = 1


@dataclass(frozen=True, slots=True)
class KeyedInstance:
    """An instance of a rule: its key, its original wall time, its instant (None when all-day or floating)."""

    key: str
    wall: datetime | date
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """The next occurrence, the keys passed over on the way (oldest first), and the series from here on."""

    key: str
    wall: datetime | date
    missed: tuple[str, ...]
    emitted_count: int
    recurrence: Recurrence
    at: datetime | None = None


def key_of(wall: datetime | date, *, at: datetime | None = None) -> str:
    """The key of an occurrence: its original wall time, never the instant.

    `at` (its aware local time) is for sub-daily and cron series: two 01:30 of a fold differ by offset.

    >>> key_of(datetime(2026, 6, 1, 8)), key_of(date(2026, 6, 1))
    ('2026-06-01T08:00', '2026-06-01')
    """
    if not isinstance(wall, datetime):
        return wall.isoformat()
    value = wall.replace(tzinfo=None, fold=0) if at is None else at
    return value.isoformat(timespec="seconds" if value.second else "minutes")


def parse_key(key: str) -> datetime | date:
    """A date, a naive wall time, or an aware one where the key has an offset; else `InvalidRecurrence`."""
    try:
        value = read_time(key)
    except BadTime:
        value = date.min
    at = value if isinstance(value, datetime) and value.tzinfo is not None else None
    if value.year not in _YEARS or key_of(value, at=at) != key:
        raise InvalidRecurrence("KEY", "is no occurrence key such as 2026-06-01T08:00")
    return value


def check_mode(recurrence: Recurrence) -> None:
    """Raise where the mode cannot work: `from_completion` re-anchors, so the rule must not name its days."""
    if recurrence.mode == "from_completion":
        _reanchorable(recurrence)


def upcoming(
    recurrence: Recurrence, *, limit: int, after: str | None = None, span: timedelta | None = None
) -> list[KeyedInstance]:
    """Occurrences from the anchor on, or those after the key of the current one: for previews and feeds.

    `span` ends the list that long after the anchor.
    """
    series = _Series(recurrence)
    start = None if after is None else series.frame.instant(parse_key(after))
    emitted = 0 if after is None else recurrence.emitted_count
    fuel = Fuel()
    found: list[KeyedInstance] = []
    for instant, wall, counted, excluded in series.instances(start, fuel, include_anchor=after is None):
        emitted += counted
        if len(found) >= limit or (series.count is not None and emitted > series.count):
            break
        if span is not None and instant - series.frame.origin > span:
            break
        if excluded:
            fuel.burn(1)
            continue
        fuel.refill()
        found.append(series.occurrence(instant, wall))
    return found


def first_match(recurrence: Recurrence, wall: datetime | date) -> KeyedInstance | None:
    """The first occurrence that the rule itself gives at `wall` or later; the anchor has to match too."""
    series, fuel = _Series(recurrence), Fuel()
    for instant, found, _, excluded in series.instances(series.frame.instant(wall) - _SECOND, fuel):
        if not excluded:
            return series.occurrence(instant, found)
        fuel.burn(1)
    return None


def counted_before(recurrence: Recurrence, *, key: str, current: str) -> int | None:
    """What `emitted_count` is just before `key`, an occurrence later than `current`; None if it is none."""
    series, fuel = _Series(recurrence), Fuel()
    emitted = recurrence.emitted_count
    start, target = series.frame.instant(parse_key(current)), series.frame.instant(parse_key(key))
    if series.count is None:
        start = max(start, target - _SECOND)
    for instant, wall, counted, excluded in series.instances(start, fuel):
        spent = counted and series.count is not None and emitted >= series.count
        if spent or instant > target:
            return None
        if instant == target:
            here = counted and not excluded and series.key(instant, wall) == key  # no mere RDATE
            return emitted if here else None
        emitted += counted
        fuel.refill()
    return None


def first_step(
    recurrence: Recurrence, *, outcome: Literal["done", "skipped"], at: datetime, user_zone: str,
    skip_missed: bool = False,
) -> Step | None:  # fmt: skip
    """The first occurrence of a series that takes over from another, whose last one ended at `at`.

    What a catch-up passes over is missed here too. None: the series has nothing left.
    """
    recurrence = replace(recurrence, emitted_count=1)
    (first,) = upcoming(replace(recurrence, exdates=(), rdates=()), limit=1)
    there = upcoming(replace(recurrence, rdates=()), limit=1)[:1] == [first]  # not excluded
    series = _Series(recurrence)
    bar = series.frame.origin - _SECOND
    if skip_missed or (outcome == "done" and recurrence.mode != "fixed"):
        bar = max(bar, series.moment(at, user_zone))
    if there and series.frame.origin > bar:
        return Step(first.key, first.wall, (), 1, recurrence, first.at)
    step = _advance(series, series.frame.origin, bar)
    return replace(step, missed=(first.key, *step.missed)) if step and there else step


def next_occurrence(
    recurrence: Recurrence, *, key: str, due: datetime | date, outcome: Literal["done", "skipped"],
    at: datetime, user_zone: str, skip_missed: bool = False,
) -> Step | None:  # fmt: skip
    """The step after occurrence `key`, now due at the wall time `due`, was done or skipped at `at` (aware).

    None ends the series. The next one lies after key and due; with `catch_up` and `skip_missed` also after
    `at`. Raises `InvalidRecurrence` for a rule that does not fit, `RecurrenceLimit` when the budget ends.

    >>> daily = Recurrence("rrule", "FREQ=DAILY", datetime(2026, 6, 1, 8), "Europe/London")
    >>> step = next_occurrence(daily, key="2026-06-01T08:00", due=daily.anchor, outcome="done",
    ...     at=datetime(2026, 6, 3, 9, tzinfo=UTC), user_zone="UTC")
    >>> step.key, step.missed
    ('2026-06-04T08:00', ('2026-06-02T08:00', '2026-06-03T08:00'))
    """
    if outcome == "skipped":
        kept = tuple(each for each in recurrence.exdates if each != key)[-(MAX_EXCEPTIONS - 1) :]
        recurrence = replace(recurrence, exdates=(*kept, key))
        series = _phased(recurrence, key)
    elif recurrence.mode == "from_completion":
        return _from_completion(recurrence, key=key, due=due, at=at, user_zone=user_zone)
    else:
        series = _Series(recurrence)
    current = series.frame.instant(parse_key(key))
    bar = max(current, series.frame.instant(due))
    if skip_missed or (outcome == "done" and recurrence.mode == "catch_up"):
        bar = max(bar, series.moment(at, user_zone))
    return _advance(series, current, bar)


def _phased(recurrence: Recurrence, key: str) -> _Series:
    """The series for a skip; with `from_completion` the rule starts at this occurrence."""
    if recurrence.mode != "from_completion":
        return _Series(recurrence)
    here = parse_key(key)
    anchor = here.replace(tzinfo=None) if isinstance(here, datetime) else here
    return _Series(replace(recurrence, anchor=anchor), _reanchorable(recurrence))


def _from_completion(
    recurrence: Recurrence, *, key: str, due: datetime | date, at: datetime, user_zone: str
) -> Step | None:
    """Start the rule anew on the day of completion; sub-daily rules start at the minute of completion."""
    rule = _reanchorable(recurrence)
    local = at.astimezone(zone(recurrence.tz or user_zone)).replace(tzinfo=None, fold=0)
    anchor: datetime | date = local.date()
    if isinstance(recurrence.anchor, datetime):
        anchor = datetime.combine(local.date(), recurrence.anchor.time())
        if rule.freq in SUB_DAILY:
            anchor = local.replace(second=0, microsecond=0)
    if rule.count is not None and recurrence.emitted_count >= rule.count:
        return None
    moved = replace(recurrence, anchor=anchor)
    series = _Series(moved, rule.replace(count=None))
    passed = (parse_key(key), due)
    bar = max(series.frame.origin, series.moment(at, user_zone), *map(series.frame.instant, passed))
    fuel = Fuel()
    for instant, wall, _, excluded in series.instances(bar, fuel):
        if not excluded:
            return series.step(instant, wall, (), recurrence.emitted_count + 1)
        fuel.burn(1)
    return None


def _advance(series: _Series, current: datetime, bar: datetime) -> Step | None:
    """Walk from `current` to the first occurrence after `bar`, counting what is passed over."""
    emitted = series.recurrence.emitted_count
    missed: deque[str] = deque(maxlen=MAX_MISSED)
    passed = 0
    fuel = Fuel()
    for instant, wall, counted, excluded in series.instances(current, fuel):
        if counted and series.count is not None and emitted >= series.count:
            return None
        emitted += counted
        if excluded:
            fuel.burn(1)
            continue
        if instant > bar:
            return series.step(instant, wall, tuple(missed), emitted)
        missed.append(series.key(instant, wall))
        passed += 1
        fuel.refill()
        if passed == _COUNTED_MISSED and series.count is None:
            return _leap(series, current, instant, bar, emitted)
    return None


def _leap(series: _Series, current: datetime, reached: datetime, bar: datetime, emitted: int) -> Step | None:
    """As `_advance` without COUNT, when very many were missed: only the newest are looked at.

    `emitted` is then lower than the true number, which only matters with COUNT.
    """
    span = (reached - current) * MAX_MISSED // _COUNTED_MISSED
    missed: deque[str] = deque(maxlen=MAX_MISSED)
    fuel = Fuel()
    for instant, wall, _, excluded in series.instances(max(reached, bar - span), fuel):
        if not excluded and instant > bar:
            return series.step(instant, wall, tuple(missed), emitted + len(missed) + 1)
        if excluded:
            fuel.burn(1)
            continue
        missed.append(series.key(instant, wall))
        fuel.refill()
    return None


class _Series:
    """A stored recurrence, ready to be walked without COUNT (`emitted_count` stands for what came before)."""

    def __init__(self, recurrence: Recurrence, rule: Rule | None = None) -> None:
        self.recurrence = recurrence
        self.frame = Frame(recurrence.anchor, recurrence.tz)
        self.count: int | None = None
        self.offset_keys = self.frame.zone is not None
        self._walk: Callable[..., Iterator[Instance]]
        if recurrence.kind == "cron":
            if self.frame.all_day:
                raise InvalidRecurrence("CRON", "needs a due with a time of day")
            self._text = cron.validate(recurrence.text)
            self._rule: Rule | None = None
            return
        fitted = fit_rule(rule or parse_rule(recurrence.text), self.frame)
        self.count = fitted.count
        self.offset_keys = self.offset_keys and fitted.freq in SUB_DAILY
        self._rule = fitted if fitted.count is None else fitted.replace(count=None)

    def instances(
        self, after: datetime | None, fuel: Fuel, *, include_anchor: bool = False
    ) -> Iterator[Instance]:
        """Instances later than `after`; the caller applies COUNT, because it knows how many were emitted."""
        exceptions = {"exdates": self.recurrence.exdates, "rdates": self.recurrence.rdates}
        if self._rule is None:
            yield from cron.instances(
                self._text, self.frame, after=after, include_dtstart=include_anchor, **exceptions
            )
            return
        yield from instances(
            self._rule, self.frame, fuel, after=after, include_dtstart=include_anchor, **exceptions
        )

    def moment(self, at: datetime, user_zone: str) -> datetime:
        """`at` on the scale of this series: UTC, the user's wall time when floating, a day when all-day."""
        if self.frame.zone is not None:
            return at.astimezone(UTC).replace(tzinfo=None)
        where = zone(self.recurrence.tz or user_zone)
        local = at.astimezone(where).replace(tzinfo=None, fold=0)
        return datetime.combine(local.date(), time()) if self.frame.all_day else local

    def key(self, instant: datetime, wall: datetime) -> str:
        """See `key_of`."""
        if self.frame.all_day:
            return wall.date().isoformat()
        if not self.offset_keys:
            return key_of(wall)
        return key_of(wall, at=instant.replace(tzinfo=UTC).astimezone(self.frame.zone))

    def occurrence(self, instant: datetime, wall: datetime) -> KeyedInstance:
        """The instance with its key."""
        at = instant.replace(tzinfo=UTC) if self.frame.zone is not None else None
        return KeyedInstance(self.key(instant, wall), wall.date() if self.frame.all_day else wall, at)

    def step(self, instant: datetime, wall: datetime, missed: tuple[str, ...], emitted: int) -> Step:
        """The instance as the next occurrence."""
        found = self.occurrence(instant, wall)
        changed = replace(self.recurrence, emitted_count=emitted)
        return Step(found.key, found.wall, missed, emitted, changed, found.at)


def _reanchorable(recurrence: Recurrence) -> Rule:
    """The rule for `from_completion`; a clamped month or leap day becomes a plain one that clamps again.

    Completing a monthly task on the 31st must not skip short months: missing days move back (RFC 7529).
    """
    if recurrence.kind == "cron":
        raise InvalidRecurrence(
            "mode", "from_completion needs an RRULE: a cron schedule has no start; use catch_up"
        )
    rule = parse_rule(recurrence.text)
    if _is_clamp(rule):
        rule = rule.replace(by_month=(), by_month_day=(), by_set_pos=())
    for part in ("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYSETPOS"):
        if getattr(rule, _ATTRIBUTES[part]):
            reason = (
                "names days that from_completion, which counts from the completion, cannot keep; use catch_up"
            )
            raise InvalidRecurrence(part, reason)
    if rule.skip == "OMIT" and rule.freq in ("MONTHLY", "YEARLY") and not rule.by_day:
        return rule.replace(skip="BACKWARD")
    return rule


_ATTRIBUTES = {
    "BYMONTH": "by_month",
    "BYWEEKNO": "by_week_no",
    "BYYEARDAY": "by_year_day",
    "BYMONTHDAY": "by_month_day",
    "BYSETPOS": "by_set_pos",
}


def _is_clamp(rule: Rule) -> bool:
    """Whether this is what `from_shortcut` writes for days that some months lack."""
    days, months = rule.by_month_day, (() if rule.freq == "MONTHLY" else (2,))
    spans = len(days) > 1 and days == tuple(range(_SHORTEST_MONTH, days[-1] + 1))
    named = rule.freq in ("MONTHLY", "YEARLY") and rule.by_month == months
    return named and spans and rule.by_set_pos == (-1,) and not (rule.by_day or rule.by_week_no)
