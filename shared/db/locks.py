"""Namespaces and keys of transaction-scoped advisory locks. Used by `outbox` and `idempotency`.

Two 32-bit keys: a namespace and a digest. Two users may share a digest; then they only wait for each other.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.db.transaction import Transaction

OUTBOX, IDEMPOTENCY = 1, 2


def try_lock(tx: "Transaction", namespace: int, *parts: str) -> bool:
    """Whether this transaction got the lock; it holds it until it ends."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=4).digest()
    key = int.from_bytes(digest, "big", signed=True)
    row = tx.execute("select pg_try_advisory_xact_lock(%s, %s)", (namespace, key)).fetchone()
    return bool(row and row[0])
