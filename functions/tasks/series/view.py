"""Renders a series and its occurrences for the API."""

from typing import Any

from shared.domain.rule import describe
from shared.domain.series import Occurrence, Series
from shared.events.base import plain


def render(series: Series) -> dict[str, Any]:
    """The series as a JSON object; of `rrule` and `cron` one is null."""
    rendered: dict[str, Any] = plain(
        {
            "id": series.id,
            "rrule": series.rule if series.kind == "rrule" else None,
            "cron": series.rule if series.kind == "cron" else None,
            "mode": series.mode,
            "text": describe(series.kind, series.rule, series.anchor_value(), series.timezone),
            "anchor": series.due(series.anchor_value()).text(),
            "timezone": series.timezone,
            "exdates": series.exdates,
            "rdates": series.rdates,
            "state": series.state,
            "state_reason": series.state_reason,
            "emitted_count": series.emitted_count,
            "successor_id": series.successor_id,
            "ends_before": series.ends_before,
            "version": series.version,
            "created_at": series.created_at,
            "updated_at": series.updated_at,
        }
    )
    return rendered


def render_occurrence(series: Series, occurrence: Occurrence, *, user_zone: str) -> dict[str, Any]:
    """The occurrence as a JSON object; `at` is the instant of its key, null for a day."""
    rendered: dict[str, Any] = plain(
        {
            "key": occurrence.key,
            "outcome": occurrence.outcome,
            "task_id": occurrence.task_id,
            "ordinal": occurrence.ordinal,
            "at": series.key_instant(occurrence.key, user_zone),
            "created_at": occurrence.created_at,
        }
    )
    return rendered
