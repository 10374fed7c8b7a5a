"""Takes the parts of a rule out of its text: blanks, folded lines, `RRULE:` and a DTSTART line around it.

`rrule_text` reads the parts; `recurrence` and `rrule_limits`, which know the due, check the DTSTART. Lines
that mean something else are refused, not ignored: RDATE, EXDATE, EXRULE and a second rule.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from shared.domain.rrule_errors import InvalidRecurrence
from shared.domain.time_text import BadTime, read_time

__all__ = ["PROPERTIES", "rule_parts", "same_start", "without_start"]

MAX_TEXT = 16_384  # characters; every value of every list, each once, needs less than 10,000
_MAX_NAME = 32
_BLANKS = " \t\r\n"
_FOLD = re.compile(r"\r?\n[ \t]")  # RFC 5545 §3.1
_LINE_BREAK = re.compile(r"\r?\n")
_PROPERTY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(;[^:]*)?:(.*)", re.DOTALL)
_CRON_FIELDS = 5
_UTC = frozenset({"UTC", "Etc/UTC", "Etc/Zulu", "Zulu", "Etc/UCT", "UCT", "Etc/Universal", "Universal"})

# Advice for what belongs beside a rule, as a line of its own or mistaken for a part of the rule.
PROPERTIES = {
    "DTSTART": "is the due of the task: send this start as due, with its zone as timezone",
    "TZID": "is the zone of the due: send it as timezone",
    "RDATE": "is not part of the rule: send its dates as rdates of the series",
    "EXDATE": "is not part of the rule: send its dates as exdates of the series",
    "EXRULE": "is not supported: write a rule that leaves these dates out, or send them as exdates",
    "RRULE": "has no such form: write RRULE: once, then the parts",
}


def rule_parts(text: str) -> dict[str, str]:
    """The parts of the rule in `text` by name, in upper case and without blanks, their values not yet read.

    >>> rule_parts("RRULE: freq=weekly; byday=mo,fr;")
    {'FREQ': 'WEEKLY', 'BYDAY': 'MO,FR'}
    """
    rule, start = _unwrapped(text)
    if start is not None:
        raise InvalidRecurrence("DTSTART", PROPERTIES["DTSTART"])
    body = rule.upper().removesuffix(";").strip(_BLANKS)
    if not body:
        raise InvalidRecurrence("RRULE", "is empty; write one such as FREQ=WEEKLY;BYDAY=MO")
    parts: dict[str, str] = {}
    for item in body.split(";"):
        name, value = _part(item.strip(_BLANKS), body)
        if name in parts:
            raise InvalidRecurrence(name, _twice(name, parts[name], value))
        parts[name] = value
    return parts


def without_start(text: str, dtstart: date | datetime, tz: str | None) -> str:
    """The rule of `text`; a DTSTART line must be the same as the due, else `InvalidRecurrence`.

    >>> lines = "DTSTART:20260601T080000", "RRULE:FREQ=DAILY"
    >>> without_start(chr(10).join(lines), datetime(2026, 6, 1, 8), None)
    'FREQ=DAILY'
    """
    if not isinstance(text, str) or ":" not in text:
        return text
    rule, start = _unwrapped(text)
    if start is not None:
        same_start(*start, dtstart, tz)
    return rule


def same_start(parameters: str, value: str, dtstart: date | datetime, tz: str | None) -> None:
    """Raise unless a DTSTART line has the kind, the wall time and the zone of the due."""
    given = dict(_parameter(item) for item in parameters.split(";") if item.strip())
    try:
        start = read_time(value.strip(), basic=True)
    except BadTime:
        reason = "must look like 20260601T080000 on a line of its own that does not begin with a blank"
        raise InvalidRecurrence("DTSTART", reason) from None
    timed, zone = isinstance(start, datetime), given.get("TZID")
    if given.get("VALUE", "").upper() not in ("", "DATE-TIME" if timed else "DATE"):
        raise InvalidRecurrence("DTSTART", "has a VALUE of another kind than its time")
    if isinstance(start, datetime) and start.tzinfo is not None:
        if zone is not None:
            raise InvalidRecurrence("DTSTART", "has a TZID and a Z; write the local time without Z")
        if tz not in _UTC:
            raise InvalidRecurrence("DTSTART", _in_utc(tz))
        start = start.replace(tzinfo=None)
    if timed != isinstance(dtstart, datetime) or start != dtstart or zone not in (None, tz):
        raise InvalidRecurrence(
            "DTSTART", "is another start than the due; send it as due, its zone as timezone"
        )


def _in_utc(tz: str | None) -> str:
    where = f"in {tz}" if tz else "a local time"
    return f"is in UTC but the due is {where}: send both in UTC, or the start as the local time of the due"


def _parameter(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    name = name.strip().upper()
    if name not in ("TZID", "VALUE"):
        raise InvalidRecurrence("DTSTART", "takes no parameters but TZID and VALUE")
    return name, value.strip().strip('"')


def _unwrapped(text: str) -> tuple[str, tuple[str, str] | None]:
    """The text of the rule, and parameters and value of the DTSTART beside it."""
    _check_characters(text)
    lines = _LINE_BREAK.split(_FOLD.sub("", text.strip(_BLANKS)))
    rules: list[str] = []
    starts: list[tuple[str, str]] = []
    for line in (line.strip(_BLANKS) for line in lines if line.strip(_BLANKS)):
        found = _PROPERTY.fullmatch(line)
        if found is None:
            rules.append(line)
        elif found[1].upper() == "DTSTART":
            starts.append((found[2] or "", found[3]))
        else:
            rules.append(_rule_line(found[1].upper(), found[2], found[3]))
    if len(starts) > 1:
        raise InvalidRecurrence("DTSTART", "appears twice; write the one that is the due")
    if len(rules) > 1:
        raise InvalidRecurrence("RRULE", _several(rules))
    return rules[0] if rules else "", starts[0] if starts else None


def _check_characters(text: str) -> None:
    if not isinstance(text, str):
        raise InvalidRecurrence("RRULE", "must be text such as FREQ=WEEKLY;BYDAY=MO")
    if len(text) > MAX_TEXT:
        raise InvalidRecurrence("RRULE", f"is longer than {MAX_TEXT} characters; write every value once")
    for char in text:
        # ASCII only: this also refuses full-width digits, and the long s, which upper() turns into S
        if not (" " <= char <= "~" or char in _BLANKS):
            raise InvalidRecurrence(
                "RRULE", f"contains U+{ord(char):04X}; write ASCII letters, digits and signs"
            )


def _rule_line(name: str, parameters: str | None, value: str) -> str:
    if name != "RRULE":
        advice = PROPERTIES.get(
            name, "is not part of a rule: send the RRULE line, the rest in the task's fields"
        )
        raise InvalidRecurrence(name[:_MAX_NAME], advice)
    if parameters:
        raise InvalidRecurrence("RRULE", "takes no parameters; write RRULE: and then the parts")
    if _PROPERTY.fullmatch(value.strip(_BLANKS)):
        raise InvalidRecurrence("RRULE", PROPERTIES["RRULE"])
    return value.strip(_BLANKS)


def _several(rules: list[str]) -> str:
    if len({rule.upper() for rule in rules}) == 1:
        return "is given twice; write it once"
    if all("FREQ" in rule.upper() for rule in rules):
        return "is given more than once; make a task for each rule"
    return "is broken into lines; write its parts in one line with ';' between them"


def _part(item: str, body: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    name = name.strip(_BLANKS)
    values = ",".join(each.strip(_BLANKS) for each in value.split(","))
    if not item:
        raise InvalidRecurrence("RRULE", "has an empty part; write one ';' between two parts")
    if equals and name and not values:
        raise InvalidRecurrence(_label(name), "has no value; write NAME=value")
    if not equals or not name:
        raise InvalidRecurrence(_label(name), _unnamed(item, body))
    if len(name.split()) > 1:
        raise InvalidRecurrence(_label(name), "must be written NAME=value with ';' between the parts")
    if "=" in values:
        raise InvalidRecurrence(_label(name), "runs into the next part; write ';' between them")
    if "" in values.split(","):
        raise InvalidRecurrence(_label(name), "has an empty value; write ',' only between two values")
    if len(values.split()) > 1:
        raise InvalidRecurrence(
            _label(name), "has a blank inside; write ',' between values, ';' between parts"
        )
    return name, values


def _label(name: str) -> str:
    first = (name.split() or [""])[0][:_MAX_NAME]
    return first if first[:1].isalpha() else "RRULE"


def _unnamed(item: str, body: str) -> str:
    if item == body and len(item.split()) == _CRON_FIELDS:
        return "looks like a cron schedule; send it as cron"
    if item.isalpha() and item.endswith("LY"):
        return f"must be written NAME=value, such as FREQ={item[:_MAX_NAME]}"
    return "must be written NAME=value with one ';' between two parts"


def _twice(name: str, first: str, second: str) -> str:
    if first == second:
        return "appears twice with the same value; write it once"
    if name.startswith("BY"):
        return f"appears twice; write all values in one list such as {name}={first[:20]},{second[:20]}"
    return f"appears twice, as {first[:20]} and as {second[:20]}; write the one that holds"
