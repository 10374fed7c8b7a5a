"""Reads the query of `GET /v1/tasks`: filters and order. Pure; called by `routes`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from functions.tasks.edge import paging
from functions.tasks.edge.paging import Key
from functions.tasks.edge.parameters import Parameters, invalid_query
from shared.domain.text import fold, trim

# What a list can be sorted by, and how a cursor's key of it is read.
SORTABLE: dict[str, Key] = {
    "due": paging.due,
    "priority": paging.number,
    "created_at": paging.instant,
    "updated_at": paging.instant,
    "title": paging.string,
}
DEFAULT_SORT = "-created_at"
STATUSES, PRIORITIES = ("open", "done", "skipped"), ("P1", "P2", "P3", "P4")
PARAMETERS = ("status", "priority", "tag", "tag_any", "parent_id", "deleted", "sort", *paging.PARAMETERS)


@dataclass(frozen=True)
class TaskQuery:
    """The filters and the order of a list of tasks; `sort` is a tuple of (name, descending)."""

    statuses: tuple[str, ...]
    priorities: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    parents: tuple[UUID, ...] = ()
    deleted: bool = False
    sort: tuple[tuple[str, bool], ...] = (("created_at", True),)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The readers of a cursor's keys: those of `sort`, then the id."""
        return (*(SORTABLE[name] for name, _ in self.sort), paging.identifier)

    @property
    def name(self) -> str:
        """The name of the list in its cursors, with all filters and the order."""
        parts = (
            self.statuses,
            self.priorities,
            self.tags,
            self.tags_any,
            self.parents,
            self.deleted,
            self.sort,
        )
        return "tasks:" + hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def parse_query(given: Parameters) -> TaskQuery:
    """The filters and the order that the parameters ask for; `Malformed` names the parameter."""
    return TaskQuery(
        statuses=given.among("status", STATUSES) or ("done", "open"),
        priorities=tuple(int(name[1]) for name in given.among("priority", PRIORITIES)),
        tags=_folded(given.values("tag")),
        tags_any=_folded(given.values("tag_any")),
        parents=given.ids("parent_id"),
        deleted=given.flag("deleted"),
        sort=_sort(given.single("sort", DEFAULT_SORT)),
    )


def _folded(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags in the form in which they are compared: trimmed, as when they are stored, and folded."""
    return tuple(sorted({fold(trim(tag)) for tag in tags}))


def _sort(value: str) -> tuple[tuple[str, bool], ...]:
    terms = [(term.strip().removeprefix("-"), term.strip().startswith("-")) for term in value.split(",")]
    names = [name for name, _ in terms]
    if not set(names) <= SORTABLE.keys():
        raise invalid_query("sort", f"use {', '.join(SORTABLE)}, with - in front for descending")
    if len(set(names)) != len(names):
        raise invalid_query("sort", "name each field once")
    return tuple(terms)
