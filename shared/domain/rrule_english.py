"""Describes a rule in plain English, so that users can check what they asked for.
Called by `recurrence.describe`; the text is only shown, never read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import product

from shared.domain.rrule_text import SUB_DAILY, Rule

__all__ = ["english"]

_UNITS = {
    "YEARLY": "year",
    "MONTHLY": "month",
    "WEEKLY": "week",
    "DAILY": "day",
    "HOURLY": "hour",
    "MINUTELY": "minute",
    "SECONDLY": "second",
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_SHORTEST_MONTH = 28
_SPELLED_TIMES = 6
_SETS = {frozenset(range(5)): "weekday", frozenset((5, 6)): "weekend day", frozenset(range(7)): "day"}
_TEENS = range(11, 14)


def english(rule: Rule, dtstart: date | datetime | None, tz: str | None) -> str:
    """Such as "every 2 weeks on Monday until 1 June 2026"; `dtstart` gives what the rule leaves out."""
    text = _days(_with_defaults(rule, dtstart)) + _times(rule, dtstart)
    if rule.count is not None:
        text += ", once" if rule.count == 1 else f", {rule.count} times"
    if rule.until is not None:
        text += f" until {_date(_local_day(rule.until, tz))}"
    return text


def _with_defaults(rule: Rule, dtstart: date | datetime | None) -> Rule:
    if dtstart is None or rule.by_day or rule.by_month_day or rule.by_year_day:
        return rule
    if rule.freq == "WEEKLY" or rule.by_week_no:
        return rule.replace(by_day=((dtstart.weekday(), 0),))
    if rule.freq == "MONTHLY":
        return rule.replace(by_month_day=(dtstart.day,))
    if rule.freq == "YEARLY":
        return rule.replace(by_month=rule.by_month or (dtstart.month,), by_month_day=(dtstart.day,))
    return rule


def _days(rule: Rule) -> str:
    clamp = _clamped_day(rule)
    if clamp and rule.freq == "YEARLY":
        return f"{_every(rule)} on {clamp} February, or 28 February in other years"
    if clamp:
        return f"{_every(rule)} on the {_ordinal(clamp)}, or the last day of shorter months"
    weekdays = _named_set(rule)
    if rule.freq == "WEEKLY" and rule.interval == 1 and rule.by_day and not rule.by_set_pos:
        return f"every {weekdays or _join(_weekdays(rule))}{_in_months(rule)}"
    if _is_date(rule):
        dates = [f"{day} {_MONTHS[month - 1]}" for month, day in product(rule.by_month, rule.by_month_day)]
        return f"{_every(rule)} on {_join(dates)}{_skip(rule)}"
    places = [_weeks(rule), _year_days(rule), _month_days(rule), _by_day(rule)]
    return _every(rule) + _in_months(rule) + "".join(places) + _positions(rule)


def _every(rule: Rule) -> str:
    unit = _UNITS[rule.freq]
    return f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"


def _is_date(rule: Rule) -> bool:
    days = rule.by_month_day
    plain = not (rule.by_day or rule.by_set_pos or rule.by_week_no or rule.by_year_day)
    return rule.freq == "YEARLY" and plain and bool(rule.by_month and days) and min(days) > 0


def _clamped_day(rule: Rule) -> int:
    """The day that `BYMONTHDAY=28,…,d;BYSETPOS=-1` means, else 0."""
    days = rule.by_month_day
    month = () if rule.freq == "MONTHLY" else (2,)
    shape = rule.replace(interval=1, count=None, until=None, by_month=(), by_month_day=(), by_set_pos=())
    plain = not shape.has_by_part and rule.freq in ("MONTHLY", "YEARLY") and rule.by_month == month
    spans = len(days) > 1 and days == tuple(range(_SHORTEST_MONTH, days[-1] + 1))
    return days[-1] if plain and spans and rule.by_set_pos == (-1,) else 0


def _in_months(rule: Rule) -> str:
    return f" in {_join(_MONTHS[month - 1] for month in rule.by_month)}" if rule.by_month else ""


def _weeks(rule: Rule) -> str:
    if not rule.by_week_no:
        return ""
    names = [str(week) if week > 0 else f"{_ordinal(week)} of the year" for week in rule.by_week_no]
    return f" in week{'s' if len(names) > 1 else ''} {_join(names)}"


def _year_days(rule: Rule) -> str:
    if not rule.by_year_day:
        return ""
    return f" on the {_join(_ordinal(day) for day in rule.by_year_day)} day of the year"


def _month_days(rule: Rule) -> str:
    if not rule.by_month_day:
        return ""
    names = [_ordinal(day) if day > 0 else f"{_ordinal(day)} day" for day in rule.by_month_day]
    return f" on the {_join(names)}{_skip(rule)}"


def _skip(rule: Rule) -> str:
    if rule.skip == "BACKWARD":
        return ", or the last day of shorter months"
    return ", or the first day after shorter months" if rule.skip == "FORWARD" else ""


def _by_day(rule: Rule) -> str:
    if not rule.by_day:
        return ""
    if rule.by_month_day or rule.by_year_day:
        return f" if it is a {_join(_weekdays(rule), last='or')}"
    if len(rule.by_set_pos) and not (rule.by_week_no or rule.by_hour or rule.by_minute or rule.by_second):
        name = _named_set(rule) or _join(_weekdays(rule), last="or")
        return f" on the {_join(_ordinal(position) for position in rule.by_set_pos)} {name}"
    whole_span = rule.freq in ("YEARLY", "MONTHLY") and not rule.by_week_no
    if whole_span and not any(ordinal for _, ordinal in rule.by_day):
        return f" on every {_named_set(rule) or _join(_weekdays(rule))}"
    return f" on {_join(_weekdays(rule))}"


def _positions(rule: Rule) -> str:
    """BYSETPOS, unless the text of the weekdays contains it already."""
    if not rule.by_set_pos:
        return ""
    times = rule.by_week_no or rule.by_hour or rule.by_minute or rule.by_second
    if rule.by_day and not (rule.by_month_day or rule.by_year_day or times):
        return ""
    return f", only the {_join(_ordinal(position) for position in rule.by_set_pos)} of them"


def _named_set(rule: Rule) -> str:
    if any(ordinal for _, ordinal in rule.by_day):
        return ""
    name = _SETS.get(frozenset(day for day, _ in rule.by_day), "")
    return "Saturday and Sunday" if name == "weekend day" and not rule.by_set_pos else name


def _weekdays(rule: Rule) -> list[str]:
    return [f"the {_ordinal(nth)} {_WEEKDAYS[day]}" if nth else _WEEKDAYS[day] for day, nth in rule.by_day]


def _times(rule: Rule, dtstart: date | datetime | None) -> str:
    if not (rule.by_hour or rule.by_minute or rule.by_second):
        return ""
    start = dtstart if isinstance(dtstart, datetime) else None
    hours = rule.by_hour or ((start.hour,) if start else ())
    minutes = rule.by_minute or ((start.minute,) if start else ())
    few = 0 < len(hours) * len(minutes) <= _SPELLED_TIMES
    if rule.freq not in SUB_DAILY and few and not rule.by_second:
        return f" at {_join(f'{hour:02d}:{minute:02d}' for hour, minute in product(hours, minutes))}"
    fields = (("hour", rule.by_hour), ("minute", rule.by_minute), ("second", rule.by_second))
    named = [_field(name, values) for name, values in fields if values]
    return f" at {_join(named)}"


def _field(name: str, values: Sequence[int]) -> str:
    return f"{name}{'s' if len(values) > 1 else ''} {_join(map(str, values))}"


def _ordinal(number: int) -> str:
    if number == -1:
        return "last"
    size = abs(number)
    ending = "th" if size % 100 in _TEENS else {1: "st", 2: "nd", 3: "rd"}.get(size % 10, "th")
    return f"{size}{ending} to last" if number < 0 else f"{size}{ending}"


def _join(words: Iterable[str], *, last: str = "and") -> str:
    *head, tail = words
    return f"{', '.join(head)} {last} {tail}" if head else tail


def _local_day(until: date | datetime, tz: str | None) -> date:
    if isinstance(until, datetime) and until.tzinfo is not None and tz is not None:
        from shared.domain.zones import zone

        return until.astimezone(zone(tz)).date()
    return until


def _date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
