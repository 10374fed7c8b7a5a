"""The user's own audit log: its entries as they were hashed, and the check of their chain."""

import json
from dataclasses import replace
from typing import Any

from shared.db.repositories.audit import AuditLog
from shared.db.uow import Transaction
from shared.domain.audit_chain import Link, Verdict, verify


def render(link: Link) -> dict[str, Any]:
    """An entry as JSON with its hash: with the entry before it, a reader can check the link."""
    entry: dict[str, Any] = json.loads(link.entry)
    return {**entry, "hash": link.hash.hex()}


def check(tx: Transaction) -> Verdict:
    """Walk the whole chain in batches, up to the head that was recorded when the check began."""
    log = AuditLog(tx)
    head = log.head()
    verdict = verify(log.chain(upto=head.seq), user_id=tx.user_id, head=head)
    if verdict.valid and (beyond := log.beyond_head()) is not None:
        return replace(verdict, broken_at=beyond)
    return verdict
