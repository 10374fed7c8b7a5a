"""Keyset pages: the parameter `limit`, and writing and reading cursors. Called by every route that lists.

A cursor is opaque and valid only for the same list with the same filters and order. It is not signed: it only
says where in the list to continue, and its content is checked like any other input.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urlencode
from uuid import UUID

from flask import request

from functions.tasks.edge.parameters import Parameters, invalid_query
from shared.domain.time_text import read_time
from shared.events.base import plain

DEFAULT_LIMIT, MAX_LIMIT, MAX_CURSOR = 50, 100, 4096
PARAMETERS = ("limit", "cursor")
_DIGITS = 18  # that every bigint holds
_TEXT = 1000  # characters of a key
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

Key = Callable[[str], Any]  # reads one key of a cursor, as its column's type; ValueError if it cannot be


def number(text: str) -> int:
    """A key that is a whole number and not negative."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ValueError(text)
    return int(text)


def instant(text: str) -> datetime:
    """A key that is a point in time."""
    value = read_time(text)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(text)
    return value.astimezone(UTC)


def due(text: str) -> datetime | str:
    """A key that is a point in time, or before or after all of them."""
    return text if text in ("infinity", "-infinity") else instant(text)


def identifier(text: str) -> UUID:
    """A key that is an id."""
    return UUID(text)


def string(text: str) -> str:
    """A key that is text as the database can hold it."""
    if len(text) > _TEXT or _UNSTORABLE.search(text):
        raise ValueError(text)
    return text


@dataclass(frozen=True)
class Page:
    """The page of the list `name` that a request asks for.

    `after` are the keys of the last item of the page before, None for the first page. `name` contains the
    filters and the order, so that a cursor of another list is refused.

    >>> first = Page("inbox", limit=2)
    >>> body = first.answer(["c", "b", "a"], keys=[[3], [2], [1]])  # `first.fetch` items were read
    >>> body["items"]
    ['c', 'b']
    >>> given = Parameters({"limit": ["2"], "cursor": [body["next_cursor"]]}, known=PARAMETERS)
    >>> page("inbox", given, keys=[number])
    Page(name='inbox', limit=2, after=(2,))
    """

    name: str
    limit: int
    after: tuple[Any, ...] | None = None

    @property
    def fetch(self) -> int:
        """How many items to read: one more than are shown, to know whether there is a next page."""
        return self.limit + 1

    def answer(self, items: Sequence[Any], *, keys: Sequence[Sequence[object]]) -> dict[str, Any]:
        """The body of the answer: at most `limit` of the items read, and the cursor of the next page or
        None.
        """
        more = len(keys) > self.limit
        cursor = _encode(self.name, keys[self.limit - 1]) if more else None
        return {"items": list(items[: self.limit]), "next_cursor": cursor}


def page(name: str, given: Parameters, *, keys: Sequence[Key]) -> Page:
    """The page that `given` asks for of the list `name`, which is ordered by `keys`; 400 for a bad cursor."""
    limit = given.number("limit", default=DEFAULT_LIMIT, lowest=1, highest=MAX_LIMIT)
    cursor = given.single("cursor")
    return Page(name, limit, _decode(name, cursor, keys) if cursor else None)


def next_link(cursor: str | None) -> Mapping[str, str]:
    """The `Link` header to the next page (RFC 8288) of the current request; none at the end."""
    if cursor is None:
        return {}
    kept = [(k, v) for k, values in request.args.lists() if k != "cursor" for v in values]
    return {"Link": f'<{request.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'}


def _encode(name: str, keys: Sequence[object]) -> str:
    text = json.dumps([name, *(str(plain(key)) for key in keys)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(name: str, cursor: str, keys: Sequence[Key]) -> tuple[Any, ...]:
    try:
        found, *texts = _texts(cursor)
        return (
            tuple(read(text) for read, text in zip(keys, texts, strict=True)) if found == name else _refuse()
        )
    except (ValueError, OverflowError, RecursionError):
        _refuse()


def _texts(cursor: str) -> list[str]:
    padded = cursor[: MAX_CURSOR + 1] + "=" * (-len(cursor) % 4)
    found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    readable = isinstance(found, list) and all(isinstance(part, str) for part in found)
    return found if readable and len(cursor) <= MAX_CURSOR else []


def _refuse() -> NoReturn:
    message = "not a cursor of this list with these parameters"
    raise invalid_query("cursor", message, code="invalid_cursor") from None
