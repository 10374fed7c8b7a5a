"""Shows the occurrences of a rule without making a series. Pure; called by `routes`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain import zones
from shared.domain.due import parse_due
from shared.domain.errors import invalid_field
from shared.domain.next_occurrence import KeyedInstance, Recurrence, upcoming
from shared.domain.recurrence import InvalidRecurrence
from shared.domain.rule import describe, parse_rule
from shared.domain.series import zone_of
from shared.events.base import plain

SPAN = timedelta(days=5 * 366)
DEFAULT_LIMIT = 10


def preview(given: Mapping[str, Any], *, user_zone: str) -> dict[str, Any]:
    """The first occurrences from the due on, for five years, and the rule in words."""
    due = parse_due(given["due"], given.get("timezone"))
    rule = parse_rule(given["recurrence"], due)
    series = Recurrence(kind=rule.kind, text=rule.text, anchor=due.value(), tz=zone_of(due), mode=rule.mode)
    try:
        found = upcoming(series, limit=given.get("limit", DEFAULT_LIMIT), span=SPAN)
    except InvalidRecurrence as error:
        field = f"recurrence.{rule.kind}"
        raise invalid_field(field, "invalid_recurrence", str(error)) from None
    items = [{"key": each.key, "at": plain(_at(each, user_zone))} for each in found]
    return {"occurrences": items, "text": describe(rule.kind, rule.text, due.value(), zone_of(due))}


def _at(occurrence: KeyedInstance, user_zone: str) -> datetime | None:
    """The instant; a floating one in the zone of the user."""
    if occurrence.at is not None or not isinstance(occurrence.wall, datetime):
        return occurrence.at and occurrence.at.astimezone(UTC)
    return zones.resolve(occurrence.wall, user_zone)
