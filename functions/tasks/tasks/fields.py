"""Applies the fields of a create or patch body to a task. Pure; called by `verbs`.

Merge-patch rules (RFC 7396): a field that is absent keeps its value, null clears it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.domain.due import Due, known_zone, parse_due, parse_due_at
from shared.domain.errors import invalid_field
from shared.domain.task import FIRST_POSITION, Task

_PLAIN = ("title", "project_id", "parent_id")
_CLEARED: Mapping[str, Any] = {"description": "", "priority": 4, "tags": [], "position": FIRST_POSITION}
_RELATIVE = frozenset({"before_minutes", "days_before"})
REMINDERS = frozenset({"remind_before_minutes", "reminders"})


def apply(task: Task, given: Mapping[str, Any], *, user_zone: str) -> Task:
    """`task` with the validated fields of a body, except `recurrence`."""
    values = {name: given[name] for name in _PLAIN if name in given}
    if given.get("priority") is not None:
        given = {**given, "priority": int(given["priority"][1])}
    for name, empty in _CLEARED.items():
        if name in given:
            values[name] = empty if given[name] is None else given[name]
    changed = replace(task, **values)
    if given.keys() & {"due", "due_at", "timezone"}:
        changed = _with_due(changed, given, user_zone)
    if given.keys() & REMINDERS:
        changed = replace(changed, reminders=_reminders(given, changed.due))
    return changed


def _with_due(task: Task, given: Mapping[str, Any], user_zone: str) -> Task:
    if given.get("due") is not None and given.get("due_at") is not None:
        raise invalid_field("due_at", "due_conflict", "send either due or due_at, not both")
    timezone = given.get("timezone", task.timezone)
    if timezone is not None:
        timezone = known_zone(timezone)
    if given.get("due_at") is not None:
        return task.with_due(parse_due_at(given["due_at"], timezone), user_zone)
    text = given.get("due")
    if text is None and given.keys() & {"due", "due_at"}:
        return replace(task.with_due(None, user_zone), timezone=given.get("timezone"))
    if text is None:
        text = task.due.text() if task.due else None
    if text is None:
        return replace(task, timezone=timezone)
    return task.with_due(parse_due(text, timezone), user_zone)


def _reminders(given: Mapping[str, Any], due: Due | None) -> list[dict[str, Any]]:
    if given.get("reminders") is not None and given.get("remind_before_minutes") is not None:
        raise invalid_field(
            "reminders", "reminder_conflict", "send either reminders or remind_before_minutes"
        )
    if given.get("remind_before_minutes") is not None:
        offsets: list[dict[str, Any]] = [{"before_minutes": given["remind_before_minutes"]}]
    else:
        offsets = list(given.get("reminders") or [])
    if due is None and any(o.keys() & _RELATIVE for o in offsets):
        field = "reminders" if given.get("reminders") else "remind_before_minutes"
        raise invalid_field(field, "reminder_needs_due", "a reminder before the due needs a due")
    return offsets


def new_task(given: Mapping[str, Any], *, task_id: Any, now: datetime, user_zone: str) -> Task:  # UUID
    """The task of a create body, without its recurrence."""
    blank = Task(id=task_id, title=given["title"], created_at=now, updated_at=now)
    return apply(blank, given, user_zone=user_zone)
