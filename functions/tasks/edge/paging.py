"""`limit` and `cursor` of the lists that have one order: the cursor is opaque and bound to its list."""

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request

from shared.domain.errors import FieldError
from shared.events.base import plain
from shared.runtime.problems import Malformed

DEFAULT_LIMIT, MAX_LIMIT, MAX_CURSOR = 50, 100, 1000
_DIGITS = 18  # that every bigint holds


@dataclass(frozen=True)
class Page:
    """What the request asks for; `after` are the keys of the last item seen, as text."""

    name: str  # of the list, with everything that decides what is in it
    limit: int
    after: tuple[str, ...] = ()

    def instant_and_id(self) -> tuple[datetime, UUID] | None:
        """The keys of a list ordered by (created_at, id)."""
        if not self.after:
            return None
        try:
            at, last = self.after
            return datetime.fromisoformat(at), UUID(last)
        except ValueError:
            raise _bad_cursor() from None

    def numbers(self, count: int) -> tuple[int, ...] | None:
        """The keys of a list ordered by `count` numbers."""
        if not self.after:
            return None
        if len(self.after) != count or not all(
            k.isascii() and k.isdigit() and len(k) <= _DIGITS for k in self.after
        ):
            raise _bad_cursor()
        return tuple(int(key) for key in self.after)

    def answer(self, items: Sequence[Any], *, keys: Sequence[Sequence[object]]) -> dict[str, Any]:
        """The body: `items` and their `keys`, of which `limit` + 1 were asked for."""
        more = len(items) > self.limit
        cursor = _encode(self.name, keys[self.limit - 1]) if more else None
        return {"items": list(items[: self.limit]), "next_cursor": cursor}


def page(name: str, *, parameters: Collection[str] = ()) -> Page:
    """The page that the request's query asks for; `Malformed` names a parameter that is not known."""
    known = {"limit", "cursor", *parameters}
    for given, values in request.args.lists():
        if given not in known:
            raise _invalid(given, f"unknown parameter; known are {', '.join(sorted(known))}")
        if len(values) > 1:
            raise _invalid(given, "give it once")
    limit = request.args.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= MAX_LIMIT):
        raise _invalid("limit", f"use a number from 1 to {MAX_LIMIT}")
    cursor = request.args.get("cursor")
    return Page(name, int(limit), _decode(name, cursor) if cursor else ())


def flag(name: str) -> bool:
    """The query parameter as true or false; absent is false."""
    value = request.args.get(name, "false")
    if value not in ("true", "false"):
        raise _invalid(name, "use true or false")
    return value == "true"


def _encode(name: str, keys: Sequence[object]) -> str:
    text = json.dumps([name, *(str(plain(key)) for key in keys)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(name: str, cursor: str) -> tuple[str, ...]:
    try:
        if len(cursor) > MAX_CURSOR:
            raise _bad_cursor()
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(found, list) or found[:1] != [name] or not all(isinstance(k, str) for k in found):
        raise _bad_cursor()
    return tuple(found[1:])


def _bad_cursor() -> Malformed:
    return _invalid("cursor", "the cursor belongs to another query", code="invalid_cursor")


def _invalid(name: str, message: str, *, code: str = "invalid_query") -> Malformed:
    return Malformed(f"{name}: {message}", code=code, errors=[FieldError(name, code, message)])
