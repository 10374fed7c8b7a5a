"""A field of a wrong type is refused when the event is made, not by its readers."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.events.catalog import EVENTS
from shared.events.check import check
from shared.events.reminder import ReminderDue
from shared.events.task import TaskChanged, TaskCompleted

AT, ID = datetime(2026, 1, 1, tzinfo=UTC), UUID(int=1)
ENVELOPE = {
    "event_id": ID,
    "user_id": "u",
    "task_id": ID,
    "task_version": 1,
    "occurred_at": AT,
    "actor": {"kind": "user", "id": "u"},
}
DUE = ReminderDue(
    **ENVELOPE, reminder_id=ID, remind_at=AT, title="x", due=None, due_at=None, channels=("in_app",)
)
DONE = TaskCompleted(**ENVELOPE, series_id=ID, changes={"status": {"from": "open", "to": "done"}})


@pytest.mark.parametrize("event", [DUE, DONE, TaskChanged(**ENVELOPE, change_token=1)])
def test_what_is_right_passes(event):
    check(event)


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        (DUE, "reminder_id", str(ID)),
        (DUE, "remind_at", "2026-01-01T00:00:00Z"),
        (DUE, "channels", ("in_app", 3)),
        (DUE, "channels", "in_app"),
        (DUE, "title", None),
        (DONE, "task_version", True),
        (DONE, "task_version", 1.0),
        (DONE, "actor", {"kind": 1}),
        (DONE, "actor", None),
        (DONE, "changes", {"status": "done"}),
        (DONE, "recurring", "true"),
        (DONE, "user_id", b"u"),
    ],
)
def test_a_wrong_type_names_the_event_and_the_field(event, field, value):
    with pytest.raises(TypeError, match=f"{event.type}: {field} cannot be"):
        check(replace(event, **{field: value}))


@pytest.mark.parametrize("cls", EVENTS.values(), ids=EVENTS)
def test_every_field_of_every_event_has_a_type_that_is_checked(cls):
    class Other:
        """Of no type that an event may have."""

    values = {field.name: Other() for field in fields(cls)}
    for field in fields(cls):
        right = {f.name: None for f in fields(cls)} | ENVELOPE
        with pytest.raises(TypeError, match="cannot be"):
            check(cls(**{**right, field.name: values[field.name]}))
