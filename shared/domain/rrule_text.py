"""The grammar of RRULE (RFC 5545 §3.3.10, RFC 7529): strict text to `Rule`, `Rule` to canonical text.
Called by `recurrence` and the task layer; knows nothing about anchors, zones or safety limits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import lru_cache

from shared.domain.rrule_errors import InvalidRecurrence, RecurrenceLimit
from shared.domain.rrule_lines import PROPERTIES, rule_parts

__all__ = ["SUB_DAILY", "InvalidRecurrence", "RecurrenceLimit", "Rule", "format_rule", "parse_rule"]

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
SUB_DAILY = frozenset(FREQUENCIES[4:])
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MAX_DIGITS = 18
_MAX_ORDINAL = 53
_LEAP_SECOND = 60

# part -> (attribute, lowest, highest, sign allowed); a signed list also takes the mirrored negatives, never 0
_LISTS = {
    "BYMONTH": ("by_month", 1, 12, False),
    "BYWEEKNO": ("by_week_no", 1, 53, True),
    "BYYEARDAY": ("by_year_day", 1, 366, True),
    "BYMONTHDAY": ("by_month_day", 1, 31, True),
    "BYHOUR": ("by_hour", 0, 23, False),
    "BYMINUTE": ("by_minute", 0, 59, False),
    "BYSECOND": ("by_second", 0, 60, False),
    "BYSETPOS": ("by_set_pos", 1, 366, True),
}
_UNKNOWN = (
    "is not a rule part of RFC 5545; write what it means with FREQ, INTERVAL, COUNT, UNTIL and the BY parts"
)
_AS_RDATES = "send dates that no rule can name as rdates of the series"
_DAY_WORDS = {
    "MO": "MONDAY",
    "TU": "TUESDAY",
    "WE": "WEDNESDAY",
    "TH": "THURSDAY",
    "FR": "FRIDAY",
    "SA": "SATURDAY",
    "SU": "SUNDAY",
}
_DAY_NUMBERS = {name: number for number, name in enumerate(WEEKDAYS)}


class Rule:
    """One parsed RRULE, never changed once built; a plain class, because dataclasses cost 13 ms of import.

    `by_day` holds (weekday 0=Monday, ordinal or 0); `until` a date, a naive local or an aware UTC datetime.

    >>> rule = parse_rule("FREQ=MONTHLY;BYDAY=2TU")
    >>> rule.freq, rule.interval, rule.by_day
    ('MONTHLY', 1, ((1, 2),))
    """

    __slots__ = (
        "by_day",
        "by_hour",
        "by_minute",
        "by_month",
        "by_month_day",
        "by_second",
        "by_set_pos",
        "by_week_no",
        "by_year_day",
        "count",
        "freq",
        "interval",
        "skip",
        "until",
        "wkst",
    )

    def __init__(self, freq: str) -> None:
        self.freq = freq
        self.interval = 1
        self.count: int | None = None
        self.until: date | datetime | None = None
        self.by_month: tuple[int, ...] = ()
        self.by_week_no: tuple[int, ...] = ()
        self.by_year_day: tuple[int, ...] = ()
        self.by_month_day: tuple[int, ...] = ()
        self.by_day: tuple[tuple[int, int], ...] = ()
        self.by_hour: tuple[int, ...] = ()
        self.by_minute: tuple[int, ...] = ()
        self.by_second: tuple[int, ...] = ()
        self.by_set_pos: tuple[int, ...] = ()
        self.wkst = 0
        self.skip = "OMIT"

    def replace(self, **changes: object) -> Rule:
        """A copy with some attributes changed."""
        copy = Rule(self.freq)
        for name in Rule.__slots__:
            setattr(copy, name, changes.get(name, getattr(self, name)))
        return copy

    @property
    def has_by_part(self) -> bool:
        """Whether any BY part other than BYSETPOS is present."""
        return bool(
            self.by_month or self.by_week_no or self.by_year_day or self.by_month_day or self.by_day
            or self.by_hour or self.by_minute or self.by_second
        )  # fmt: skip


@lru_cache(maxsize=512)
def parse_rule(text: str) -> Rule:
    """Read RRULE text. Tolerated: lower case, blanks around separators and the whole, folded lines,
    one trailing `;` and a leading `RRULE:`; a DTSTART beside it is read by `without_start` only.
    """
    rule = _build(rule_parts(text))
    _check_combinations(rule)
    return rule


def _build(parts: dict[str, str]) -> Rule:
    freq = parts.pop("FREQ", None)
    if freq is None:
        raise InvalidRecurrence("FREQ", "is missing; add one such as FREQ=DAILY")
    if freq not in FREQUENCIES:
        raise InvalidRecurrence(
            "FREQ", f"must be one of {', '.join(FREQUENCIES)}; every second is INTERVAL=2"
        )
    rule = Rule(freq)
    for name, value in parts.items():
        if name in _LISTS:
            attribute, low, high, signed = _LISTS[name]
            setattr(rule, attribute, _numbers(name, value, low, high, signed=signed))
        elif name in _SINGLES:
            attribute, read = _SINGLES[name]
            setattr(rule, attribute, read(name, value))
        elif name != "RSCALE":
            raise InvalidRecurrence(name[:32], PROPERTIES.get(name, _UNKNOWN))
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise InvalidRecurrence("RSCALE", f"only GREGORIAN is supported; {_AS_RDATES}")
    if "SKIP" in parts and "RSCALE" not in parts:
        raise InvalidRecurrence("SKIP", "needs a calendar; add RSCALE=GREGORIAN")
    return rule


def _check_combinations(rule: Rule) -> None:
    freq = rule.freq
    if rule.count is not None and rule.until is not None:
        raise InvalidRecurrence(
            "COUNT", "cannot be combined with UNTIL; keep the one that ends the series first"
        )
    if rule.by_week_no and freq != "YEARLY":
        raise InvalidRecurrence("BYWEEKNO", "needs FREQ=YEARLY; write that, and the weekdays in BYDAY")
    if rule.by_year_day and freq in ("DAILY", "WEEKLY", "MONTHLY"):
        reason = f"is not valid with FREQ={freq}; use FREQ=YEARLY, or name the days in BYMONTH and BYMONTHDAY"
        raise InvalidRecurrence("BYYEARDAY", reason)
    if rule.by_month_day and freq == "WEEKLY":
        reason = "is not valid with FREQ=WEEKLY; use FREQ=MONTHLY and name the weekday in BYDAY"
        raise InvalidRecurrence("BYMONTHDAY", reason)
    if any(ordinal for _, ordinal in rule.by_day):
        _check_ordinals(rule)
    if rule.by_set_pos and not rule.has_by_part:
        raise InvalidRecurrence("BYSETPOS", "needs a BY part to choose from, such as BYDAY=MO,TU,WE,TH,FR")


def _check_ordinals(rule: Rule) -> None:
    if rule.freq not in ("MONTHLY", "YEARLY"):
        reason = "has a number such as 2TU, the second Tuesday of a month or year; use FREQ=MONTHLY or YEARLY"
        raise InvalidRecurrence("BYDAY", reason)
    if rule.by_week_no:
        reason = "cannot have numbers beside BYWEEKNO; a week has each weekday once: write 1TU as TU"
        raise InvalidRecurrence("BYDAY", reason)


def _digits(part: str, text: str) -> int:
    if not text.isdigit() or len(text) > _MAX_DIGITS:  # the whole rule is ASCII: isdigit means 0-9 here
        raise InvalidRecurrence(part, f"must be made of plain numbers, not {text[:20]!r}")
    return int(text)


def _positive(part: str, text: str) -> int:
    number = _digits(part, text)
    if number < 1:
        raise InvalidRecurrence(part, "must be at least 1")
    return number


def _numbers(part: str, text: str, low: int, high: int, *, signed: bool) -> tuple[int, ...]:
    values = set()
    for item in text.split(","):
        number = _digits(part, item[1:] if signed and item[:1] in ("+", "-") else item)
        if not low <= number <= high:
            also = f" or -{high} to -{low}" if signed else ""
            raise InvalidRecurrence(part, f"values must be {low} to {high}{also}, not {item[:20]}")
        values.add(-number if item[0] == "-" else number)
    if part == "BYSECOND" and _LEAP_SECOND in values:  # read as :59 (RFC 5545 §3.3.5)
        values = values - {_LEAP_SECOND} | {_LEAP_SECOND - 1}
    return tuple(sorted(values, key=_unsigned_first))


def _unsigned_first(number: int) -> tuple[bool, int]:
    return (number < 0, number)


def _weekday(part: str, text: str) -> int:
    try:
        return _DAY_NUMBERS[text]
    except KeyError:
        raise InvalidRecurrence(part, _day_names(text)) from None


def _day_names(text: str) -> str:
    word = text.lstrip("+-0123456789")
    number, short = text[: len(text) - len(word)], word[:2]
    if (
        len(word) > len(short)
        and short in _DAY_NUMBERS
        and _DAY_WORDS[short].startswith(word.removesuffix("S"))
    ):
        return f"must name days by two letters: write {number[:4]}{short} instead of {text[:20]}"
    return f"must name days as {','.join(WEEKDAYS)}, not {text[:20]!r}"


def _days(_part: str, text: str) -> tuple[tuple[int, int], ...]:
    values = set()
    for item in text.split(","):
        prefix = item.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        letters = item[len(prefix) :]
        day = _weekday("BYDAY", letters if letters in _DAY_NUMBERS else item)
        ordinal = 0
        if prefix:
            ordinal = _digits("BYDAY", prefix[1:] if prefix[0] in "+-" else prefix)
            if not 1 <= ordinal <= _MAX_ORDINAL:
                raise InvalidRecurrence("BYDAY", f"ordinals must be 1 to 53 or -53 to -1, not {prefix[:20]}")
            ordinal = -ordinal if prefix[0] == "-" else ordinal
        values.add((day, ordinal))
    return tuple(sorted(values, key=lambda value: (value[0], value[1] < 0, value[1])))


def _skip(part: str, text: str) -> str:
    if text not in ("OMIT", "BACKWARD", "FORWARD"):
        raise InvalidRecurrence(part, "must be OMIT, BACKWARD or FORWARD")
    return text


def _until(part: str, text: str) -> date | datetime:
    """DATE, local DATE-TIME or UTC DATE-TIME in the basic format."""
    day, separator, clock = text.partition("T")
    zulu = clock.endswith("Z")
    clock = clock.removesuffix("Z")
    lengths = (len(day), len(clock)) if separator else (len(day), 6)
    if lengths != (8, 6) or not (day + clock).isdigit():
        reason = "must look like 20260601, 20260601T080000 or, converted to UTC, 20260601T080000Z"
        raise InvalidRecurrence(part, reason)
    try:
        value = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        if not separator:
            return value
        hour, minute, second = int(clock[:2]), int(clock[2:4]), int(clock[4:])
        at = time(hour, minute, second - (second == _LEAP_SECOND), tzinfo=UTC if zulu else None)
        return datetime.combine(value, at)
    except ValueError:
        raise InvalidRecurrence(part, f"{text} is not a date that exists") from None


_SINGLES: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "BYDAY": ("by_day", _days),
    "INTERVAL": ("interval", _positive),
    "COUNT": ("count", _positive),
    "UNTIL": ("until", _until),
    "WKST": ("wkst", _weekday),
    "SKIP": ("skip", _skip),
}


def format_rule(rule: Rule) -> str:
    """Canonical text: fixed part order, sorted values, defaults left out.

    >>> format_rule(parse_rule("BYDAY=FR,MO;INTERVAL=1;FREQ=WEEKLY"))
    'FREQ=WEEKLY;BYDAY=MO,FR'
    """
    parts = ["RSCALE=GREGORIAN"] if rule.skip != "OMIT" else []
    parts.append(f"FREQ={rule.freq}")
    if rule.interval != 1:
        parts.append(f"INTERVAL={rule.interval}")
    if rule.count is not None:
        parts.append(f"COUNT={rule.count}")
    if rule.until is not None:
        parts.append(f"UNTIL={_format_until(rule.until)}")
    for name in ("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND"):
        if name == "BYDAY":
            values = [f"{ordinal or ''}{WEEKDAYS[day]}" for day, ordinal in rule.by_day]
        else:
            values = [str(number) for number in getattr(rule, _LISTS[name][0])]
        if values:
            parts.append(f"{name}={','.join(values)}")
    if rule.by_set_pos:
        parts.append("BYSETPOS=" + ",".join(map(str, rule.by_set_pos)))
    if rule.wkst:
        parts.append(f"WKST={WEEKDAYS[rule.wkst]}")
    if rule.skip != "OMIT":
        parts.append(f"SKIP={rule.skip}")
    return ";".join(parts)


def _format_until(until: date | datetime) -> str:
    # strftime does not pad years below 1000 on every platform
    text = f"{until.year:04d}{until.month:02d}{until.day:02d}"
    if isinstance(until, datetime):
        text += f"T{until.hour:02d}{until.minute:02d}{until.second:02d}{'Z' if until.tzinfo else ''}"
    return text
