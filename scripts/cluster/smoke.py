"""The main job in small: a recurring task is created and completed, and its next occurrence appears."""

import uuid
from dataclasses import dataclass
from typing import Any

from scripts.cluster.api import Door, Unexpected, eventually

RECURRING = {
    "title": "Water the plants",
    "due": "2026-06-01T08:00",
    "timezone": "Europe/London",
    "recurrence": {"rrule": "FREQ=DAILY"},
}
Task = dict[str, Any]  # as the API shows it


@dataclass(frozen=True)
class Smoked:
    """Seconds of each step."""

    created: float
    completed: float
    following: float


def user() -> str:
    """Somebody new, so that the smoke test never meets its own leftovers."""
    return f"smoke-{uuid.uuid4()}"


def smoke(door: Door, *, clock: Any) -> Smoked:  # Any: time.monotonic or a test's
    """Raises Unexpected with the step that failed."""
    began = clock()
    task: Task = door.expect(201, "POST", "/v1/tasks", RECURRING)
    created = clock() - began
    began = clock()
    done = door.expect(200, "POST", f"/v1/tasks/{task['id']}/complete")
    if done["status"] != "done":
        raise Unexpected(f"the task is {done['status']}, not done")
    completed = clock() - began
    began = clock()
    following = eventually("the next occurrence", lambda: _open(door, task["id"]), seconds=120)
    if not following["occurrence_key"] > task["occurrence_key"]:
        raise Unexpected(f"{following['occurrence_key']} does not follow {task['occurrence_key']}")
    return Smoked(created, completed, clock() - began)


def _open(door: Door, before: str) -> Task | None:
    items = door.expect(200, "GET", "/v1/tasks?status=open")["items"]
    return next((item for item in items if item["id"] != before), None)
