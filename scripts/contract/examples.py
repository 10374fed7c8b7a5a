"""One example of every event, built by its class: shown in the schemas and AsyncAPI, replayed in tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.events.account import AccountChanged
from shared.events.base import Event
from shared.events.reminder import ReminderDue
from shared.events.series import SeriesChanged, SeriesEnded, SeriesPaused
from shared.events.task import (
    TaskChanged,
    TaskCompleted,
    TaskCreated,
    TaskDeleted,
    TaskReopened,
    TaskRestored,
    TaskSkipped,
    TaskUpdated,
)

Fields = dict[str, Any]  # constructor arguments of any event class

_AT = datetime(2026, 6, 1, 7, 12, 30, tzinfo=UTC)
_TASK = UUID("0197294e-8f4c-7b1a-9c7e-2f6a51c0d3e4")
_SERIES = UUID("0197294e-8f4c-7c02-8d11-90ab3f5e7712")
_COMMON: Fields = {
    "event_id": UUID("0197298a-3c10-7d44-b5a2-6e1f0c9b8a77"),
    "user_id": "user_8Xk2",
    "task_id": _TASK,
    "task_version": 2,
    "occurred_at": _AT,
    "actor": {"kind": "user", "id": "user_8Xk2"},
    "request_id": "0197298a-3b00-7000-8000-000000000001",
}
_OCCURRENCE: Fields = {
    "series_id": _SERIES,
    "occurrence_key": "2026-06-01T08:00",
    "due": "2026-06-01T08:00",
    "timezone": "Europe/London",
}
_DONE: Fields = {**_OCCURRENCE, "completed_at": _AT, "recurring": True}
_IN_SERIES: Fields = {"series_id": _SERIES, "recurring": True}

_SPECIFIC: dict[type[Event], Fields] = {
    TaskCreated: {
        "task_version": 1,
        "changes": {
            "title": {"from": None, "to": "Water the plants"},
            "priority": {"from": None, "to": "P3"},
        },
    },
    TaskUpdated: {"changes": {"priority": {"from": "P3", "to": "P1"}}},
    TaskCompleted: {**_DONE, "changes": {"status": {"from": "open", "to": "done"}}},
    TaskSkipped: {**_DONE, "changes": {"status": {"from": "open", "to": "skipped"}}},
    TaskReopened: {**_OCCURRENCE, "recurring": True, "changes": {"status": {"from": "done", "to": "open"}}},
    TaskDeleted: {"changes": {"deleted_at": {"from": None, "to": "2026-06-01T07:12:30Z"}}},
    TaskRestored: {"changes": {"deleted_at": {"from": "2026-06-01T07:12:30Z", "to": None}}},
    SeriesChanged: {**_IN_SERIES, "changes": {"rule": {"from": "FREQ=DAILY", "to": "FREQ=WEEKLY;BYDAY=MO"}}},
    SeriesPaused: {
        **_IN_SERIES,
        "changes": {"state": {"from": "active", "to": "paused"}},
        "reason": "no occurrence within the search limit",
    },
    SeriesEnded: {
        **_IN_SERIES,
        "changes": {"state": {"from": "active", "to": "ended"}},
        "missed": ("2026-05-25T08:00",),
    },
    AccountChanged: {
        "task_id": None,
        "task_version": None,
        "resource": "webhook",
        "resource_id": "01972a01-0000-7000-8000-0000000000aa",
        "action": "created",
        "changes": {"url": {"from": None, "to": "https://example.com/hook"}},
    },
    ReminderDue: {
        "actor": {"kind": "function", "id": "reminders"},
        "request_id": None,
        "reminder_id": UUID("0197294e-8f4c-7e55-a0b1-c2d3e4f50617"),
        "remind_at": datetime(2026, 6, 1, 6, 30, tzinfo=UTC),
        "title": "Water the plants",
        "due": "2026-06-01T08:00",
        "due_at": datetime(2026, 6, 1, 7, 0, tzinfo=UTC),
        "channels": ("in_app", "webhook"),
    },
    TaskChanged: {"change_token": 418},
}


def example(cls: type[Event]) -> Event:
    """An instance of `cls` with every field filled as in production."""
    try:
        specific = _SPECIFIC[cls]
    except KeyError:
        raise SystemExit(f"add an example of {cls.__name__} to scripts/contract/examples.py") from None
    return cls(**{**_COMMON, **specific})
