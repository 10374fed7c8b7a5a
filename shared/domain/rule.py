"""Reads the `recurrence` object of a body and checks it against the due. Called by the verbs of `tasks`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from shared.domain import recurrence as engine
from shared.domain.due import Due
from shared.domain.errors import Invalid, invalid_field
from shared.domain.next_occurrence import Recurrence, check_mode
from shared.domain.series import zone_of

Mode = Literal["catch_up", "fixed", "from_completion"]
_RULES = ("rrule", "cron", "every")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A checked rule: its canonical text and its mode."""

    kind: Literal["rrule", "cron"]
    text: str
    mode: Mode

    def same_times(self, other: "Rule") -> bool:
        """Whether both give the same times. The mode does not count: it only chooses the next of them."""
        return (self.kind, self.text) == (other.kind, other.text)


def parse_rule(spec: Mapping[str, Any], due: Due | None) -> Rule:
    """`{"rrule": …}`, `{"cron": …}` or `{"every": …}` with an optional `mode`.

    Raises `Invalid` with code `invalid_recurrence` (or `recurrence_needs_due`) naming the part.

    >>> from shared.domain.due import parse_due
    >>> parse_rule({"every": "weekday"}, parse_due("2026-06-01T08:00", "Europe/London"))
    Rule(kind='rrule', text='FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', mode='catch_up')
    """
    if due is None:
        raise invalid_field("recurrence", "recurrence_needs_due", "a recurring task needs a due")
    given = [name for name in _RULES if spec.get(name) is not None]
    if len(given) != 1:
        raise _invalid("recurrence", "send exactly one of rrule, cron and every")
    mode: Mode = spec.get("mode") or "catch_up"
    name = given[0]
    try:
        kind, text = _canonical(name, spec[name], due)
        check_mode(Recurrence(kind=kind, text=text, anchor=due.value(), tz=zone_of(due), mode=mode))
    except engine.InvalidRecurrence as error:
        raise _invalid(f"recurrence.{name}", str(error)) from None
    return Rule(kind=kind, text=text, mode=mode)


def merged(spec: Mapping[str, Any], kept: Rule) -> dict[str, Any]:
    """The recurrence `kept` after the merge patch `spec` (RFC 7396 §2): what it does not name stays.

    A rule has one of `rrule`, `cron` and `every`, so naming one of them replaces the rule.

    >>> merged({"mode": "fixed"}, Rule(kind="rrule", text="FREQ=DAILY", mode="catch_up"))
    {'rrule': 'FREQ=DAILY', 'mode': 'fixed'}
    """
    current: dict[str, Any] = {kept.kind: kept.text, "mode": kept.mode}
    if any(spec.get(name) is not None for name in _RULES):
        del current[kept.kind]
    return {name: value for name, value in {**current, **spec}.items() if value is not None}


def describe(kind: str, text: str, anchor: datetime | date, timezone: str | None) -> str:
    """A stored rule in plain English."""
    if kind == "cron":
        from shared.domain import cron  # see below

        return cron.describe(text)
    return engine.describe(text, anchor, timezone)


def _canonical(name: str, text: str, due: Due) -> tuple[Literal["rrule", "cron"], str]:
    if name == "cron":
        from shared.domain import cron  # loads cronsim, which a wake-up without cron must not pay for

        return "cron", cron.validate(text, due.value(), zone_of(due))
    rule = engine.from_shortcut(text, due.value()) if name == "every" else text
    return "rrule", engine.validate(rule, due.value(), zone_of(due))


def _invalid(field: str, message: str) -> Invalid:
    return invalid_field(field, "invalid_recurrence", message)
