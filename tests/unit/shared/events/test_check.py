"""A field of a wrong type is refused when the event is made, not by its readers."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.events.reminder import ReminderDue
from shared.events.shape import checked_data
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
    assert checked_data(event) == event.data()


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        (DUE, "reminder_id", "no id"),
        (DUE, "remind_at", "tomorrow"),
        (DUE, "remind_at", datetime(2026, 1, 1)),
        (DUE, "channels", ("in_app", 3)),
        (DUE, "channels", "in_app"),
        (DUE, "title", None),
        (DONE, "task_version", True),
        (DONE, "task_version", 1.0),
        (DONE, "actor", {"kind": 1}),
        (DONE, "actor", None),
        (DONE, "changes", {"status": "done"}),
        (DONE, "user_id", ""),
        (DONE, "actor", {"kind": "stranger", "id": "u"}),
    ],
)
def test_a_wrong_type_names_the_event_and_the_field(event, field, value):
    with pytest.raises(TypeError, match=f"{event.type}: {field} cannot be"):
        checked_data(replace(event, **{field: value}))
