"""Every event type, and which functions consume it. The wiring tests compare the Triggers with it;
reconciliation takes from it which consumers must have an inbox row.
"""

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

EVENTS: dict[str, type[Event]] = {
    cls.type: cls
    for cls in (
        TaskCreated,
        TaskUpdated,
        TaskCompleted,
        TaskReopened,
        TaskSkipped,
        TaskDeleted,
        TaskRestored,
        SeriesChanged,
        SeriesPaused,
        SeriesEnded,
        AccountChanged,
        ReminderDue,
        TaskChanged,
    )
}

TOPICS: frozenset[str] = frozenset(cls.topic for cls in EVENTS.values())

_EXPANDED = (TaskCompleted.type, TaskSkipped.type, SeriesChanged.type)  # the last when a series resumes


def consumers(event_type: str, extensions: frozenset[str] | set[str]) -> tuple[str, ...]:
    """The functions that must write an inbox row for such an event.

    `updates` writes none: it reads the changes from the database, and its events only say when to look.

    >>> consumers("io.taskflow.task.completed.v1", {"recurring"})
    ('audit', 'recurrence')
    >>> consumers("io.taskflow.task.changed.v1", set())
    ()
    """
    cls = EVENTS.get(event_type)
    if cls is None or cls.topic == TaskChanged.topic:
        return ()
    if cls is ReminderDue:
        return ("notifications",)
    found = ["audit"]
    if event_type in _EXPANDED and "recurring" in extensions:
        found.append("recurrence")
    if "webhooks" in extensions:
        found.append("notifications")
    return tuple(found)
