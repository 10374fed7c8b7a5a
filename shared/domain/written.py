"""What `recurrence` wrote into the next occurrence and its subtasks, remembered field by field.

Reopening an occurrence withdraws the next one unless its owner has changed it. A version cannot tell: a
reminder that went out, an instant derived again or a change that was undone raise it too. Pure; written by
`functions.recurrence`, read by the verb `reopen`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.domain.errors import FieldError
from shared.domain.task import Task, public_fields
from shared.events.base import plain

# What no owner sets: it follows from the rest, or `status` says it too.
_DERIVED = ("due_at", "completed_at")
Written = Mapping[str, Any]  # {"fields": {name: digest}, "copies": number of subtasks}


def written(task: Task, *, copies: int = 0) -> dict[str, Any]:
    """The record of `task` as it is made; `copies` are the subtasks made with it."""
    return {"fields": _digests(task), "copies": copies}


def differences(
    root: Task, subtasks: Sequence[Task], records: Mapping[UUID, Written | None]
) -> list[FieldError]:
    """What of `root` and the live tasks below it is no longer as it was made; [] when all of it is.

    A field of a subtask is `subtasks.<id>.<name>`.
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
    """For occurrences that were made before there were records: any change counts."""
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
