"""Finds the subtasks that end, return or move with a task, and checks the place of a task. Called by `verbs`.

See docs/decisions/0016-subtasks-go-with-their-parent.md. A subtask that recurs has its own series: it does
not end with its parent, and neither does anything below it.
"""

from dataclasses import replace

from shared.db.repositories.tasks import Placement, Tasks
from shared.db.uow import Transaction
from shared.domain.errors import Conflict, LimitExceeded, invalid_field
from shared.domain.task import MAX_DEPTH, MAX_SUBTREE, Task


def to_end(tx: Transaction, ended: Task) -> list[tuple[Task, Task]]:
    """The open subtasks of a task that has just ended, as (before, after) they end with it."""
    below = Tasks(tx).subtasks(ended.id)
    return [(each, each.ended_with(ended)) for each in below if each.status == "open"]


def ended_with(tx: Transaction, ended: Task) -> list[Task]:
    """The subtasks that ended together with `ended`, not those that ended before or after."""
    end = (ended.status, ended.completed_at)
    return [each for each in Tasks(tx).subtasks(ended.id) if (each.status, each.completed_at) == end]


def check_parent(tx: Transaction, task: Task) -> None:
    """Refuse a parent that does not exist, is below the task, or has no room for the task and its
    subtasks.
    """
    assert task.parent_id is not None
    place = Tasks(tx).placement(task.id, task.parent_id)
    if place.below_itself:
        raise Conflict("A task cannot be below itself.", code="parent_cycle")
    if place.parent != "live":
        raise invalid_field("parent_id", "unknown_parent", f"there is no task {task.parent_id}")
    _check_room(place)


def at_its_place(tx: Transaction, task: Task) -> Task:
    """A restored task at its place: below its parent, or without a parent if that was purged."""
    if task.parent_id is None:
        return task
    place = Tasks(tx).placement(task.id, task.parent_id)
    if place.parent is None:
        return replace(task, parent_id=None)
    if place.parent == "deleted":
        raise Conflict("The task above is in the trash; restore that one.", code="parent_in_trash")
    _check_room(place)
    return task


def _check_room(place: Placement) -> None:
    if place.above + 1 + place.height > MAX_DEPTH:
        raise invalid_field(
            "parent_id", "too_deep", f"at most {MAX_DEPTH} tasks below one another, those below it included"
        )
    if place.family + place.moved + 1 > MAX_SUBTREE:
        raise LimitExceeded(f"A task can have at most {MAX_SUBTREE} tasks below it.")
