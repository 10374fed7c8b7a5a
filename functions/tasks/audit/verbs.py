"""Shows the entries of a user's own audit log as they were hashed, and checks their chain. Called by
`routes`.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from shared.db.repositories.audit import BEFORE_ALL, AuditLog
from shared.db.uow import Transaction
from shared.domain.audit_chain import Head, Link, Verdict, advance, conclude
from shared.runtime import clock

BATCH = 500  # entries in memory
MOST = 5_000  # entries in one call: a long log must not hold a thread and a connection for long
SECONDS = 1.0


@dataclass(frozen=True)
class Checked:
    """The result of a call; `finished` when it came to the end of the chain or to an incorrect entry."""

    verdict: Verdict
    finished: bool


def render(link: Link) -> dict[str, Any]:
    """An entry as JSON with its hash: with the entry before it, a reader can check the link."""
    entry: dict[str, Any] = json.loads(link.entry)
    return {**entry, "hash": link.hash.hex()}


def render_check(checked: Checked, *, next_cursor: str | None) -> dict[str, Any]:
    """The result as JSON; `valid` is null for a log that was checked only in part."""
    verdict = checked.verdict
    return {
        "valid": verdict.valid if checked.finished else None,
        "entries": verdict.entries,
        "head": verdict.head.hex(),
        "broken_at": verdict.broken_at,
        "next_cursor": next_cursor,
    }


def check(tx: Transaction, *, start: Head | None = None) -> Checked:
    """Check the entries after `start`, up to which the chain is correct: to the head, or MOST of them."""
    log = AuditLog(tx)
    log.begin_check()
    head, begun = log.head(), start or Head()
    reached, after = Verdict(begun.seq, begun.hash, None), start.seq if start else BEFORE_ALL
    ends = clock.monotonic() + SECONDS
    for _ in range(MOST // BATCH):
        links = log.following(after, upto=head.seq, limit=BATCH)
        reached = advance(links, user_id=tx.user_id, start=Head(reached.entries, reached.head))
        if not reached.valid:
            return Checked(reached, finished=True)
        if len(links) < BATCH:
            return Checked(_concluded(log, reached, head), finished=True)
        after = reached.entries
        if clock.monotonic() >= ends:
            break
    return Checked(reached, finished=False)


def _concluded(log: AuditLog, reached: Verdict, head: Head) -> Verdict:
    verdict = conclude(reached, head)
    if verdict.valid and (beyond := log.beyond_head()) is not None:
        return replace(verdict, broken_at=beyond)
    return verdict
