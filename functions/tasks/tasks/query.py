"""The query of `GET /v1/tasks`: which tasks, in which order, from where on. Pure."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.domain.errors import FieldError
from shared.runtime.problems import Malformed

SORTABLE = ("due", "priority", "created_at", "updated_at", "title")
DEFAULT_SORT, DEFAULT_LIMIT, MAX_LIMIT = "-created_at", 50, 100
STATUSES, PRIORITIES = ("open", "done", "skipped"), ("P1", "P2", "P3", "P4")
PARAMETERS = ("status", "priority", "tag", "tag_any", "parent_id", "deleted", "sort", "limit", "cursor")


@dataclass(frozen=True)
class TaskQuery:
    """`sort` is a tuple of (name, descending); `after` the sort keys of the last task seen, as text."""

    statuses: tuple[str, ...]
    priorities: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    parents: tuple[UUID, ...] = ()
    deleted: bool = False
    sort: tuple[tuple[str, bool], ...] = (("created_at", True),)
    limit: int = DEFAULT_LIMIT
    after: tuple[str, ...] | None = None

    def fingerprint(self) -> str:
        """Of everything a cursor depends on: a cursor of another query is refused."""
        parts = (
            self.statuses,
            self.priorities,
            self.tags,
            self.tags_any,
            self.parents,
            self.deleted,
            self.sort,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def parse_query(args: Mapping[str, Sequence[str]]) -> TaskQuery:
    """The query parameters; raises `Malformed` (code `invalid_query`) naming the parameter."""
    unknown = sorted(args.keys() - set(PARAMETERS))
    if unknown:
        raise _invalid(unknown[0], f"unknown parameter; known are {', '.join(PARAMETERS)}")
    query = TaskQuery(
        statuses=tuple(sorted(_among("status", _values(args, "status"), STATUSES))) or ("done", "open"),
        priorities=tuple(
            sorted(int(p[1]) for p in _among("priority", _values(args, "priority"), PRIORITIES))
        ),
        tags=tuple(sorted(tag.lower() for tag in _values(args, "tag"))),
        tags_any=tuple(sorted(tag.lower() for tag in _values(args, "tag_any"))),
        parents=tuple(_uuid("parent_id", value) for value in _values(args, "parent_id")),
        deleted=_flag(args, "deleted"),
        sort=_sort(_single(args, "sort", DEFAULT_SORT)),
        limit=_limit(_single(args, "limit", str(DEFAULT_LIMIT))),
    )
    cursor = _single(args, "cursor", "")
    return _continued(query, cursor) if cursor else query


def encode_cursor(query: TaskQuery, keys: Sequence[str] | None) -> str | None:
    """An opaque cursor behind the task with these sort keys; None at the end."""
    if keys is None:
        return None
    text = json.dumps([query.fingerprint(), *keys], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _continued(query: TaskQuery, cursor: str) -> TaskQuery:
    try:
        decoded: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fingerprint, *keys = decoded
        well_formed = len(keys) == len(query.sort) + 1 and all(isinstance(key, str) for key in keys)
        UUID(keys[-1])
    except (ValueError, binascii.Error, TypeError, IndexError, AttributeError):
        fingerprint, keys, well_formed = "", [], False
    if not well_formed or fingerprint != query.fingerprint():
        raise _invalid("cursor", "the cursor belongs to another query", code="invalid_cursor")
    return replace(query, after=tuple(keys))


def _values(args: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [part.strip() for value in args.get(name, ()) for part in value.split(",") if part.strip()]


def _single(args: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    values = args.get(name, ())
    if len(values) > 1:
        raise _invalid(name, "give it once")
    return values[0] if values else default


def _among(name: str, values: Sequence[str], allowed: Sequence[str]) -> set[str]:
    for value in values:
        if value not in allowed:
            raise _invalid(name, f"{value!r} is none of {', '.join(allowed)}")
    return set(values)


def _uuid(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise _invalid(name, f"{value!r} is no id") from None


def _flag(args: Mapping[str, Sequence[str]], name: str) -> bool:
    value = _single(args, name, "false")
    if value not in ("true", "false"):
        raise _invalid(name, "use true or false")
    return value == "true"


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= MAX_LIMIT):
        raise _invalid("limit", f"use a number from 1 to {MAX_LIMIT}")
    return int(value)


def _sort(value: str) -> tuple[tuple[str, bool], ...]:
    terms = [(term.strip().removeprefix("-"), term.strip().startswith("-")) for term in value.split(",")]
    names = [name for name, _ in terms]
    for name in names:
        if name not in SORTABLE:
            raise _invalid("sort", f"{name!r} is none of {', '.join(SORTABLE)}")
    if len(set(names)) != len(names):
        raise _invalid("sort", "name each field once")
    return tuple(terms)


def _invalid(name: str, message: str, *, code: str = "invalid_query") -> Malformed:
    return Malformed(f"{name}: {message}", code=code, errors=[FieldError(name, code, message)])
