"""Tells whether the owner has changed an occurrence since `recurrence` made it, field by field. Pure.

Reopening an occurrence withdraws the next one unless its owner has changed that one. The version cannot say
so: it also grows when a reminder goes out, when an instant is derived again, and when a change is undone. So
`functions.recurrence` stores a digest of every field that it wrote, and the verb `reopen` compares.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.domain.errors import FieldError
from shared.domain.task import Task, public_fields
from shared.events.base import plain

# Not compared: due_at follows from the due, completed_at changes together with `status`.
_DERIVED = ("due_at", "completed_at")
Written = Mapping[str, Any]  # {"fields": {name: digest}, "copies": number of subtasks}


def written(task: Task, *, copies: int = 0) -> dict[str, Any]:
    """The record to store with `task` when it is made; `copies` is the number of subtasks made with it."""
    return {"fields": _digests(task), "copies": copies}


def differences(
    root: Task, subtasks: Sequence[Task], records: Mapping[UUID, Written | None]
) -> list[FieldError]:
    """What the owner changed in `root` and the tasks below it that are not deleted; [] when nothing.

    `records` has the stored record of each task. A field of a subtask is named `subtasks.<id>.<name>`.
    """
    record = records.get(root.id)
    if record is None:
        return _by_version(root, subtasks)
    found = [_changed(name) for name in _differing(root, record)]
    kept = 0
    for subtask in subtasks:
        made = records.get(subtask.id)
        where = f"subtasks.{subtask.id}"
        if made is None:
            found.append(FieldError(where, "added", "this subtask was added"))
            continue
        kept += 1
        found += [_changed(f"{where}.{name}") for name in _differing(subtask, made)]
    if kept < record["copies"]:
        found.append(FieldError("subtasks", "removed", "a subtask was deleted or moved away"))
    return found


def _by_version(root: Task, subtasks: Sequence[Task]) -> list[FieldError]:
    """For occurrences made before records were stored: any new version counts as a change."""
    touched = [t for t in (root, *subtasks) if t.version != 1 or t.created_at != root.created_at]
    return [FieldError("" if t is root else f"subtasks.{t.id}", "changed", "was changed") for t in touched]


def _differing(task: Task, record: Written) -> list[str]:
    made = record["fields"]
    return [name for name, digest in _digests(task).items() if made.get(name) != digest]


def _digests(task: Task) -> dict[str, str]:
    return {name: _digest(value) for name, value in public_fields(task).items() if name not in _DERIVED}


def _digest(value: object) -> str:
    text = json.dumps(plain(value), ensure_ascii=True, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


def _changed(field: str) -> FieldError:
    return FieldError(field, "changed", f"{field.rpartition('.')[2]} is no longer what it was made with")
