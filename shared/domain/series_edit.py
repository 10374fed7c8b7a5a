"""Computes an edit of a series: a new rule from one occurrence on, or a split at a later occurrence. Pure.

Called by `functions.tasks.series`, which holds the lock and writes the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.domain import recurrence as engine
from shared.domain.due import Due, known_zone, parse_due
from shared.domain.errors import invalid_field
from shared.domain.next_occurrence import counted_before, first_match, key_of, next_occurrence, parse_key
from shared.domain.recurrence_set import Exclusions, Frame, check_exceptions, parse_when
from shared.domain.rrule_limits import check_exception_count
from shared.domain.rrule_text import SUB_DAILY, format_rule
from shared.domain.rrule_text import parse_rule as parse_text
from shared.domain.rule import Rule, merged, parse_rule
from shared.domain.series import Series, zone_of


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The series after an edit, and the new key and due of the occurrence from which the edit counts."""

    series: Series
    key: str
    due: Due
    counts_anew: bool


def revise(
    series: Series, given: Mapping[str, Any], *, key: str, like: Due | None, now: datetime
) -> Revision:
    """The series under the rule fields of `given`, from its occurrence `key` on.

    A new due is the first occurrence, as it is for a new task. A new rule without a new due starts at its
    first time that is not before the old time of `key`. Raises `Invalid` naming the field.
    """
    after, due, anew = _changed(series, given, key, like)
    if anew and "due" not in given:
        after = replace(after, anchor=after.due(_first_match(after, due)).wall)
    if anew or given.keys() & {"due", "timezone"}:
        key = after.first_key()
    return _placed(after, key, like=due, anew=anew, now=now)


def revise_after(series: Series, given: Mapping[str, Any], *, key: str) -> tuple[Series, bool]:
    """As `revise` when `key` is done or skipped: the next occurrence follows the new rule.

    Returns the series and whether COUNT starts again with that occurrence.
    """
    after, _, anew = _changed(series, given, key, None)
    return (replace(after, emitted_count=0), True) if anew else (after, False)


def _changed(
    series: Series, given: Mapping[str, Any], key: str, like: Due | None
) -> tuple[Series, Due, bool]:
    """The series anchored at the due, that due, and whether COUNT starts again."""
    due = _due(series.key_due(key, like=like), given)
    rule, anew = _rule(series, given, due)
    after = replace(
        series,
        kind=rule.kind,
        rule=rule.text,
        mode=rule.mode,
        value_type="date" if due.kind == "date" else "datetime",
        anchor=due.wall if anew or given.keys() & {"due", "timezone"} else series.anchor,
        timezone=zone_of(due),
        emitted_count=1 if anew else series.emitted_count,
    )
    return _with_exceptions(series, after, given), due, anew


def _with_exceptions(before: Series, after: Series, given: Mapping[str, Any]) -> Series:
    """`after` with the exceptions that are given, else those of before if the kind of time is the same."""
    same_kind = (after.value_type, bool(after.timezone)) == (before.value_type, bool(before.timezone))
    exdates, rdates = (before.exdates, before.rdates) if same_kind else ([], [])
    if "exdates" in given:
        exdates = _whens("exdates", given["exdates"] or [])
    if "rdates" in given:
        rdates = _whens("rdates", given["rdates"] or [])
    after = replace(after, exdates=exdates, rdates=rdates)
    _check_exceptions(after)
    return after


def split(
    series: Series, given: Mapping[str, Any], *, current: str, key: str, like: Due | None, now: datetime
) -> tuple[Series, Series]:
    """The series until before its later occurrence `key`, and the one that takes over there.

    The second still has the id of the first. COUNT is divided between them, unless the edit has a new rule.
    """
    if series.mode == "from_completion":
        raise invalid_field("from", "from_completion_has_no_dates", "later dates depend on completions")
    used = _used(series, current, key)
    frame = Frame(series.anchor_value(), series.timezone)
    target = frame.instant(parse_key(key))
    later = [when for when in series.rdates if _added(frame, when) >= target]
    before = replace(series, rdates=[when for when in series.rdates if when not in later])
    rest = replace(series, rdates=later, anchor=series.key_due(key, like=like).wall, emitted_count=1)
    if series.kind == "rrule":
        rule = parse_text(series.rule)
        if rule.count is None:
            before = replace(before, rule=format_rule(rule.replace(until=_until(frame, key))))
        else:
            before = replace(before, rule=format_rule(rule.replace(count=used)))
            rest = replace(rest, rule=format_rule(rule.replace(count=rule.count - used)))
    return before, revise(rest, given, key=key, like=like, now=now).series


def _used(series: Series, current: str, key: str) -> int:
    try:
        used = counted_before(series.recurrence(), key=key, current=current)
    except engine.InvalidRecurrence as error:
        raise invalid_field("from", "unknown_occurrence", str(error)) from None
    if used is None:
        raise invalid_field("from", "unknown_occurrence", f"the rule has no occurrence {key} after {current}")
    return used


def _until(frame: Frame, key: str) -> date | datetime:
    """Just before an occurrence, in the canonical form of UNTIL (see `rrule_limits`)."""
    value = parse_key(key)
    if not isinstance(value, datetime):
        return value - timedelta(days=1)
    last = frame.instant(value) - timedelta(seconds=1)
    return last if frame.zone is None else last.replace(tzinfo=UTC)


def _added(frame: Frame, when: str) -> datetime:
    value = parse_when("RDATE", when)
    if not isinstance(value, datetime) and not frame.all_day:
        value = datetime.combine(value, frame.anchor.time())
    return frame.instant(value)


def _due(original: Due, given: Mapping[str, Any]) -> Due:
    if not given.keys() & {"due", "timezone"}:
        return original
    timezone = given.get("timezone", original.timezone)
    zone = known_zone(timezone) if timezone is not None else None
    if "due" in given and given["due"] is None:
        raise invalid_field("due", "recurrence_needs_due", "a series needs a due")
    return parse_due(given.get("due", original.text()), zone)


def _rule(series: Series, given: Mapping[str, Any], due: Due) -> tuple[Rule, bool]:
    """The rule, and whether it is a new one, whose COUNT starts at 1."""
    kept = Rule(kind=series.kind, text=series.rule, mode=series.mode)
    if "recurrence" in given:
        if given["recurrence"] is None:
            raise invalid_field("recurrence", "invalid_recurrence", "use DELETE to stop the series")
        rule = parse_rule(merged(given["recurrence"], kept), due)
        return rule, not rule.same_times(kept)
    if given.keys() & {"due", "timezone"}:
        return parse_rule({kept.kind: kept.text, "mode": kept.mode}, due), False
    return kept, False


def _placed(after: Series, key: str, *, like: Due, anew: bool, now: datetime) -> Revision:
    """The occurrence at `key`, or the next one if an EXDATE excludes `key`."""
    if not _excluded(after, key):
        return Revision(series=after, key=key, due=after.key_due(key, like=like), counts_anew=anew)
    wall = after.key_due(key).value()
    step = next_occurrence(after.recurrence(), key=key, due=wall, outcome="skipped", at=now, user_zone="UTC")
    if step is None:
        raise invalid_field("exdates", "no_occurrence_left", "nothing would be left of the series; stop it")
    counted = replace(after, emitted_count=step.emitted_count)
    return Revision(series=counted, key=step.key, due=after.due(step.wall, like=like), counts_anew=anew)


def _first_match(after: Series, due: Due) -> datetime | date:
    try:
        found = first_match(after.recurrence(), due.value())
    except engine.InvalidRecurrence as error:
        raise invalid_field("recurrence", "invalid_recurrence", str(error)) from None
    if found is None:
        raise invalid_field("recurrence", "invalid_recurrence", f"has no occurrence from {due.text()} on")
    return found.wall


def _excluded(series: Series, key: str) -> bool:
    if not series.exdates:
        return False
    frame = Frame(series.anchor_value(), series.timezone)
    by_instant = series.kind == "cron" or parse_text(series.rule).freq in SUB_DAILY
    value = parse_key(key)
    moment = frame.instant(value), series.key_due(key).wall
    return moment in Exclusions(frame, series.exdates, by_instant=by_instant)


def _whens(name: str, given: Sequence[str]) -> list[str]:
    """EXDATEs or RDATEs in the form of keys, sorted, each once."""
    found = set()
    for index, text in enumerate(given):
        try:
            value = parse_when(name.upper().removesuffix("S"), text)
        except engine.InvalidRecurrence as error:
            raise invalid_field(f"{name}.{index}", "invalid_date", error.reason) from None
        at = value if isinstance(value, datetime) and value.tzinfo is not None else None
        found.add(key_of(value, at=at))
    return sorted(found)


def _check_exceptions(series: Series) -> None:
    if not series.exdates and not series.rdates:
        return
    frame = Frame(series.anchor_value(), series.timezone)
    try:
        check_exception_count(series.exdates, series.rdates)
        check_exceptions(frame, series.exdates, series.rdates)
    except engine.InvalidRecurrence as error:
        field = "rdates" if error.part == "RDATE" else "exdates"
        raise invalid_field(field, "invalid_date", error.reason) from None
