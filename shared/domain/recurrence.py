"""The recurrence engine: RFC 5545 rules to occurrences, pure and bounded (no I/O, no clock).
Called by the task layer, the preview endpoint and the calendar feed; decisions are in `docs/recurrence.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from shared.domain.recurrence_set import Frame, Instance, When, fit_rule, merge, rule_moments, take
from shared.domain.rrule_lines import without_start
from shared.domain.rrule_periods import Fuel
from shared.domain.rrule_text import SUB_DAILY, InvalidRecurrence, RecurrenceLimit, Rule, parse_rule

__all__ = [
    "InvalidRecurrence",
    "RecurrenceLimit",
    "describe",
    "from_shortcut",
    "instances",
    "occurrences",
    "validate",
]

_LONGEST_MONTH_DAY = 28  # every month has it
_SHORTCUTS = {
    "day": "FREQ=DAILY",
    "weekday": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "week": "FREQ=WEEKLY",
    "month": "FREQ=MONTHLY",
    "year": "FREQ=YEARLY",
}


def occurrences(
    rule: str, dtstart: date | datetime, tz: str | None = None, *, limit: int, include_dtstart: bool = False,
    after: date | datetime | None = None, exdates: Sequence[When] = (), rdates: Sequence[When] = (),
) -> list[date | datetime]:  # fmt: skip
    """At most `limit` occurrences later than `after`: dates, naive (floating) or aware datetimes in `tz`.

    Raises `InvalidRecurrence` naming the part, `RecurrenceLimit` when the budget ends before an answer, and
    `zones.UnknownZone`. A rule with COUNT is counted from `dtstart` on every call; any other rule takes the
    same time however old `dtstart` is.

    >>> monday = datetime.fromisoformat("2026-06-01T08:00")
    >>> for at in occurrences("FREQ=WEEKLY;BYDAY=MO,FR", monday, "Europe/London", limit=3):
    ...     print(at)
    2026-06-01 08:00:00+01:00
    2026-06-05 08:00:00+01:00
    2026-06-08 08:00:00+01:00
    >>> occurrences("FREQ=MONTHLY;BYMONTHDAY=-1", date(2026, 1, 31), limit=2, after=date(2026, 1, 31))
    [datetime.date(2026, 2, 28), datetime.date(2026, 3, 31)]
    """
    frame, fuel = Frame(dtstart, tz), Fuel()
    if after is not None:
        frame.check_kind(after)
    if limit <= 0:
        return []
    stream = instances(
        fit_rule(parse_rule(without_start(rule, dtstart, tz)), frame), frame, fuel,
        after=None if after is None else frame.instant(after),
        include_dtstart=include_dtstart, exdates=exdates, rdates=rdates,
    )  # fmt: skip
    return take(stream, frame, fuel, limit=limit)


def instances(
    rule: Rule, frame: Frame, fuel: Fuel, *, after: datetime | None = None, include_dtstart: bool = False,
    exdates: Sequence[When] = (), rdates: Sequence[When] = (),
) -> Iterator[Instance]:  # fmt: skip
    """The recurrence set of a rule from `fit_rule`, each instance with what `next_occurrence` needs of it."""
    moments = rule_moments(rule, frame, fuel, after=after, include_dtstart=include_dtstart)
    by_instant = rule.freq in SUB_DAILY
    return merge(moments, frame, exdates=exdates, rdates=rdates, after=after, by_instant=by_instant)


def validate(
    rule: str, dtstart: date | datetime | None = None, tz: str | None = None, *,
    exdates: Sequence[When] = (), rdates: Sequence[When] = (),
) -> str:  # fmt: skip
    """The canonical text to store; raises `InvalidRecurrence` beyond the limits or when it never occurs.

    >>> validate("RRULE:freq=weekly;byday=FR,MO", date(2026, 6, 1))
    'FREQ=WEEKLY;BYDAY=MO,FR'
    >>> validate("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    Traceback (most recent call last):
    shared.domain.rrule_errors.InvalidRecurrence: BYMONTHDAY: never occurs: no such day in these months; ...
    """
    from shared.domain.rrule_limits import canonical_rule

    return canonical_rule(rule, dtstart, tz, exdates=exdates, rdates=rdates)


def describe(rule: str, dtstart: date | datetime | None = None, tz: str | None = None) -> str:
    """The rule in plain English; raises `InvalidRecurrence`.

    >>> describe("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;UNTIL=20260601")
    'every 2 weeks on Monday and Friday until 1 June 2026'
    """
    from shared.domain.rrule_english import english

    text = rule if dtstart is None else without_start(rule, dtstart, tz)
    return english(parse_rule(text), dtstart, tz)


def from_shortcut(every: str, anchor: date | datetime) -> str:
    """The rule for `{"every": …}`; months without the anchor's day use their last day instead.

    >>> from_shortcut("month", date(2026, 1, 30))
    'FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1'
    """
    if every not in _SHORTCUTS:
        raise InvalidRecurrence("every", f"must be one of {', '.join(_SHORTCUTS)}")
    rule = _SHORTCUTS[every]
    if every == "month" and anchor.day > _LONGEST_MONTH_DAY:
        return f"{rule};BYMONTHDAY={_days_up_to(anchor.day)};BYSETPOS=-1"
    if every == "year" and (anchor.month, anchor.day) == (2, 29):
        return f"{rule};BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"
    return rule


def _days_up_to(last: int) -> str:
    return ",".join(map(str, range(_LONGEST_MONTH_DAY, last + 1)))
