"""Namespaces and keys of transaction-scoped advisory locks. Used by `outbox`, `opening` and `audit`.

A lock has two 32-bit keys: a namespace and a digest. If two users have the same digest, one of them waits for
the other, or is told to try again; nothing else happens.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.db.transaction import Transaction

OUTBOX, IDEMPOTENCY, AUDIT_CHECK = 1, 2, 3


def lock_keys(namespace: int, *parts: str) -> tuple[int, int]:
    """The two numbers that stand for `parts` in `namespace`."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=4).digest()
    return namespace, int.from_bytes(digest, "big", signed=True)


def try_locks(tx: "Transaction", namespace: int, names: Sequence[str]) -> list[str]:
    """Try to get the locks called `names`; returns those that this transaction got and holds until it
    ends.
    """
    found = tx.execute(
        """select name from unnest(%s::text[], %s::int[]) as wanted (name, key)
           where pg_try_advisory_xact_lock(%s, key)""",
        (list(names), [lock_keys(namespace, name)[1] for name in names], namespace),
    )
    return [row[0] for row in found.fetchall()]


def try_lock(tx: "Transaction", namespace: int, *parts: str) -> bool:
    """Try to get a lock without waiting; True: this transaction holds it until it ends."""
    keys = lock_keys(namespace, *parts)
    row = tx.execute("select pg_try_advisory_xact_lock(%s, %s)", keys).fetchone()
    return bool(row and row[0])
