"""Answers kept for Idempotency-Key (24 h, per user). Called by the HTTP API inside the write they protect,
which has reserved the key (`uow.write(…, key=…)`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from shared.db.retention import IDEMPOTENCY
from shared.db.transaction import Transaction


@dataclass(frozen=True)
class Stored:
    """A committed 2xx answer; `request_hash` tells whether the same body asked for it."""

    key: str
    request_hash: bytes
    status: int
    headers: Mapping[str, str]
    body: str
    created_at: datetime


def find(tx: Transaction, key: str) -> Stored | None:
    """The answer that was stored under `key` within the last 24 h."""
    return tx.fetch_one(
        Stored,
        """select key, request_hash, status, headers, body, created_at from idempotency
           where user_id = %s and key = %s and created_at > %s""",
        (tx.user_id, key, tx.now - IDEMPOTENCY),
    )


def store(
    tx: Transaction,
    key: str,
    *,
    request_hash: bytes,
    status: int,
    headers: Mapping[str, str],
    body: str,
) -> None:
    """Keep a 2xx answer; it becomes visible with the commit of the work. Replaces an expired one."""
    tx.execute(
        """insert into idempotency (user_id, key, request_hash, status, headers, body, created_at)
           values (%s, %s, %s, %s, %s, %s, %s)
           on conflict (user_id, key) do update set request_hash = excluded.request_hash,
             status = excluded.status, headers = excluded.headers, body = excluded.body,
             created_at = excluded.created_at""",
        (tx.user_id, key, request_hash, status, Jsonb(dict(headers)), body, tx.now),
    )
