"""Who is woken by each single event type, written out: an oracle that shares nothing with the catalog.

A Trigger whose filter names another type than it should is found here, whatever else agrees with it. A new
function needs no line: a Trigger that names types must name exactly those that its handler accepts.
"""

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local import manifests
from scripts.local.model import Feed, Wiring
from shared.events.catalog import EVENTS

# Function → the extension that its event must carry, "" for none.
_OF_TASK_EVENTS = {"audit": "", "notifications": "webhooks"}
_RECURRING = _OF_TASK_EVENTS | {"recurrence": "recurring"}
WOKEN = {
    "io.taskflow.account.changed.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.reminder.due.v1": ("reminders", {"notifications": ""}),
    "io.taskflow.series.changed.v1": ("task-events", _RECURRING),
    "io.taskflow.series.ended.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.series.paused.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.task.changed.v1": ("task-updates", {"updates": ""}),
    "io.taskflow.task.completed.v1": ("task-events", _RECURRING),
    "io.taskflow.task.created.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.task.deleted.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.task.reopened.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.task.restored.v1": ("task-events", _OF_TASK_EVENTS),
    "io.taskflow.task.skipped.v1": ("task-events", _RECURRING),
    "io.taskflow.task.updated.v1": ("task-events", _OF_TASK_EVENTS),
}
NAMED = {function for _, woken in WOKEN.values() for function in woken}
FILTERS = [
    (path.name, event_type)
    for path in sorted((Path(__file__).resolve().parents[3] / "eventing").glob("trigger-*.yaml"))
    for event_type in EVENTS
    if f"type: {event_type}\n" in path.read_text()
]


def wrong(wired: Wiring) -> list[str]:
    """Every single type with one extension or none that wakes others than `WOKEN` says."""
    found = []
    for event_type, (topic, woken) in WOKEN.items():
        for extension in ("", "recurring", "webhooks"):
            attributes = {"specversion": "1.0", "type": event_type, "source": "/taskflow/tasks", "id": "1"}
            attributes |= {extension: "true"} if extension else {}
            reached = {f.sink.name for f in wired.feeds if topic in f.topics and f.filter(attributes)}
            expected = {function for function, needed in woken.items() if needed in {"", extension}}
            if reached & NAMED != expected:
                found.append(f"{event_type} {extension}: {sorted(reached)}, not {sorted(expected)}")
    return found + [
        f"{trigger.name} delivers {delivered}, its handler accepts {accepted}"
        for trigger, accepted in _by_type(wired)
        if (delivered := _delivered(trigger)) != accepted
    ]


def _by_type(wired: Wiring) -> Iterator[tuple[Feed, list[str]]]:
    """Triggers that do not let everything through, and what the handlers behind them accept."""
    for trigger in wired.feeds:
        if trigger.kind == "Trigger" and trigger.name not in _OF_TASK_EVENTS:
            handler = importlib.import_module(f"functions.{trigger.sink.name}.handler")
            yield trigger, sorted(handler.ACCEPTS)


def _delivered(trigger: Feed) -> list[str]:
    extensions = {"recurring": "true", "webhooks": "true"}
    attributes = {"specversion": "1.0", "source": "/taskflow/tasks", "id": "1", **extensions}
    return sorted(t for t in EVENTS if trigger.filter({**attributes, "type": t}))


def test_each_type_wakes_exactly_whom_it_should(wired):
    assert wrong(wired) == []


def test_every_type_is_written_down():
    assert {event_type: cls.topic for event_type, cls in EVENTS.items()} == {
        event_type: topic for event_type, (topic, _) in WOKEN.items()
    }


def test_there_are_filters_by_type():
    assert ("trigger-recurrence.yaml", "io.taskflow.task.skipped.v1") in FILTERS


@pytest.mark.parametrize(("file", "event_type"), FILTERS)
def test_a_filter_that_names_another_type_is_found(project, tmp_path, file, event_type):
    """The check above, checked: each `type:` of each Trigger replaced by each other type."""
    for folder in manifests.FOLDERS:
        shutil.copytree(project / folder, tmp_path / folder)
    trigger = tmp_path / "eventing" / file
    text = trigger.read_text()
    for other in EVENTS.keys() - {event_type}:
        trigger.write_text(text.replace(f"type: {event_type}\n", f"type: {other}\n"))
        assert wrong(manifests.load(tmp_path)), f"{event_type} → {other} in {file} went unnoticed"
