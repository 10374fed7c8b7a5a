"""The user's own audit log: its entries as they were hashed, and the check of their chain."""

import json
from dataclasses import dataclass, replace
from typing import Any

from shared.db.repositories.audit import BEFORE_ALL, AuditLog
from shared.db.uow import Transaction
from shared.domain.audit_chain import Head, Link, Verdict, advance, conclude
from shared.runtime import clock

BATCH = 500  # entries in memory
MOST = 5_000  # entries in one call, so that nobody's log keeps a thread and a connection from others
SECONDS = 1.0


@dataclass(frozen=True)
class Checked:
    """What a call found; `finished` when it came to the end of the chain, or to where it breaks."""

    verdict: Verdict
    finished: bool


def render(link: Link) -> dict[str, Any]:
    """An entry as JSON with its hash: with the entry before it, a reader can check the link."""
    entry: dict[str, Any] = json.loads(link.entry)
    return {**entry, "hash": link.hash.hex()}


def render_check(checked: Checked, *, next_cursor: str | None) -> dict[str, Any]:
    """What is known of the chain as JSON; a log that was checked in part is neither valid nor broken."""
    verdict = checked.verdict
    return {
        "valid": verdict.valid if checked.finished else None,
        "entries": verdict.entries,
        "head": verdict.head.hex(),
        "broken_at": verdict.broken_at,
        "next_cursor": next_cursor,
    }


def check(tx: Transaction, *, start: Head | None = None) -> Checked:
    """Walk on from `start`, up to which the chain holds, to the head or as far as one call may go."""
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
