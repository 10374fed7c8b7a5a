"""The SQL of listing: filters, any order, keyset pages. Called by `GET /v1/tasks`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from shared.db.repositories.tasks import COLUMNS, FROM
from shared.db.transaction import Transaction
from shared.domain.task import Task

# name → (expression, type). Nulls come last in both directions, so the keys have none.
_SORTABLE = {
    "due": ("t.due_sort", "timestamptz"),
    "priority": ("t.priority", "bigint"),
    "created_at": ("t.created_at", "timestamptz"),
    "updated_at": ("t.updated_at", "timestamptz"),
    "title": ("t.title_folded", "text"),
}
_DUE_DESCENDING = "case when t.due_sort = 'infinity' then '-infinity'::timestamptz else t.due_sort end"


class Query(Protocol):
    """The filters and the order of a listing (`functions.tasks.tasks.query.TaskQuery`)."""

    @property
    def statuses(self) -> Sequence[str]: ...
    @property
    def priorities(self) -> Sequence[int]: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def tags_any(self) -> Sequence[str]: ...
    @property
    def parents(self) -> Sequence[UUID]: ...
    @property
    def deleted(self) -> bool: ...
    @property
    def sort(self) -> Sequence[tuple[str, bool]]: ...


@dataclass(frozen=True, kw_only=True)
class Listed(Task):
    """A task and its position in the order that was asked for: its sort keys and its id, as text."""

    sort_keys: list[str]


class TaskList:
    """Pages over the tasks of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def page(self, query: Query, *, after: Sequence[object] | None, limit: int) -> list[Listed]:
        """At most `limit` tasks behind the one with the sort keys `after`."""
        terms = [_term(name, descending=descending) for name, descending in query.sort]
        terms.append(("t.id", "uuid", "desc" if query.sort[0][1] else "asc"))
        params = _filters(query) | {"user_id": self._tx.user_id, "limit": limit}
        where = _WHERE
        if after is not None:
            where += f" and {_behind(terms)}"
            params |= {f"k{i}": key for i, key in enumerate(after)}
        keys = ", ".join(f"to_jsonb({expression}) #>> '{{}}'" for expression, _, _ in terms)
        order = ", ".join(f"{expression} {direction}" for expression, _, direction in terms)
        return self._tx.fetch(
            Listed,
            f"""select {COLUMNS}, array[{keys}] as sort_keys from {FROM}
                where {where} order by {order} limit %(limit)s""",
            params,
        )


_WHERE = """t.user_id = %(user_id)s
  and (t.deleted_at is not null) = %(deleted)s
  and t.status = any(%(statuses)s)
  and (%(priorities)s::smallint[] is null or t.priority = any(%(priorities)s::smallint[]))
  and (%(parents)s::uuid[] is null or t.parent_id = any(%(parents)s::uuid[]))
  and (%(tags)s::text[] is null or t.tags_folded @> %(tags)s::text[])
  and (%(tags_any)s::text[] is null or t.tags_folded && %(tags_any)s::text[])"""


def _filters(query: Query) -> dict[str, Any]:  # values of several column types
    return {
        "deleted": query.deleted,
        "statuses": list(query.statuses),
        "priorities": list(query.priorities) or None,
        "parents": list(query.parents) or None,
        "tags": list(query.tags) or None,
        "tags_any": list(query.tags_any) or None,
    }


def _term(name: str, *, descending: bool) -> tuple[str, str, str]:
    expression, type_ = _SORTABLE[name]
    if name == "due" and descending:
        expression = _DUE_DESCENDING
    return expression, type_, "desc" if descending else "asc"


def _behind(terms: Sequence[tuple[str, str, str]]) -> str:
    """Rows behind the keys k0, k1 …: the lexicographic comparison, written out for mixed directions."""
    cases = []
    for i, (expression, type_, direction) in enumerate(terms):
        equal = [f"{terms[j][0]} = %(k{j})s::{terms[j][1]}" for j in range(i)]
        comparison = ">" if direction == "asc" else "<"
        cases.append(" and ".join([*equal, f"{expression} {comparison} %(k{i})s::{type_}"]))
    return "(" + " or ".join(f"({case})" for case in cases) + ")"
