"""The hash chain of a user's audit log: what one entry contains, how it is linked, and how a chain is
checked. Pure; `audit` appends entries, `tasks` checks them.

hash(1) = SHA-256(32 zero bytes ‖ entry 1), hash(n) = SHA-256(hash(n-1) ‖ entry n), where an entry is its
canonical JSON in UTF-8: keys sorted, no white space, text not escaped beyond what JSON demands. That
text is stored, so that a later change of the encoder cannot break an old chain.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.events.base import plain

GENESIS = bytes(32)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the log keeps of one event; `detail` has the members of the event that no other field has."""

    user_id: str
    seq: int  # 1, 2, 3 … per user, in append order
    event_id: UUID
    type: str
    actor: Mapping[str, Any]
    task_id: UUID | None
    task_version: int | None
    occurred_at: datetime
    recorded_at: datetime
    request_id: str | None
    changes: Mapping[str, Any]
    detail: Mapping[str, Any]

    def canonical(self) -> str:
        """The text that is hashed and stored."""
        body = {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Link:
    """One stored entry: the columns that queries use, the hashed text and the hash."""

    seq: int
    event_id: UUID
    type: str
    task_id: UUID | None
    task_version: int | None
    occurred_at: datetime
    recorded_at: datetime
    entry: str
    hash: bytes


@dataclass(frozen=True)
class Head:
    """The last link of a chain; seq 0 and `GENESIS` before the first."""

    seq: int = 0
    hash: bytes = GENESIS


@dataclass(frozen=True)
class Verdict:
    """How far a check came: the first `entries` are correct and the last of them has the hash `head`.

    `broken_at` is the seq of the first entry that is not correct, else None.
    """

    entries: int
    head: bytes
    broken_at: int | None

    @property
    def valid(self) -> bool:
        """Whether every entry that was checked is correct."""
        return self.broken_at is None


def link(previous: bytes, entry: str) -> bytes:
    """The hash of `entry` after an entry with the hash `previous` (GENESIS before the first).

    >>> first = link(GENESIS, '{"seq":1}')
    >>> link(first, '{"seq":2}').hex()[:16]
    'd989977286f310a9'
    """
    return hashlib.sha256(previous + entry.encode()).digest()


def advance(links: Iterable[Link], *, user_id: str, start: Head) -> Verdict:
    """Check `links`, which follow `start`, in stored order, and stop at the first that is not correct.

    Finds an edited entry (its hash or its columns differ), a deleted one (a gap in seq), an inserted one and
    a reordered one (the predecessor differs). `conclude` finds missing entries at the end.
    """
    seq, digest = start.seq, start.hash
    for found in links:
        expected = link(digest, found.entry)
        holds = hmac.compare_digest(expected, found.hash) and _agrees(found, user_id)
        if found.seq != seq + 1 or not holds:
            return Verdict(seq, digest, seq + 1)
        seq, digest = found.seq, found.hash
    return Verdict(seq, digest, None)


def conclude(reached: Verdict, head: Head) -> Verdict:
    """The verdict after all entries were checked: they must end at the recorded `head`.

    A rewrite of the whole chain together with its head is not found here, only by comparison with a head
    that was kept somewhere else.
    """
    if not reached.valid:
        return reached
    if reached.entries != head.seq:
        return replace(reached, broken_at=min(reached.entries, head.seq) + 1)
    return replace(reached, broken_at=None if reached.head == head.hash else reached.entries)


_COLUMNS = ("seq", "event_id", "type", "task_id", "task_version", "occurred_at", "recorded_at")


def _agrees(found: Link, user_id: str) -> bool:
    """Whether the columns of the entry have the values that the hashed text has."""
    try:
        said = json.loads(found.entry)
    except ValueError:
        return False
    if not isinstance(said, dict) or said.get("user_id") != user_id:
        return False
    return all(said.get(name) == plain(getattr(found, name)) for name in _COLUMNS)
