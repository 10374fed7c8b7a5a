"""Answers stored for an Idempotency-Key (24 h, per user). Called by the HTTP API in the transaction of the
write itself, which has reserved the key (`uow.write(…, key=…)`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, excluded, insert, listed, without
from shared.db.retention import IDEMPOTENCY
from shared.db.transaction import Transaction

_ANSWER: Columns = ("key", "request_hash", "status", "headers", "body", "created_at")
STORED: Columns = ("user_id", *_ANSWER)
_SELECT = f"select {listed(_ANSWER)} from idempotency"  # noqa: S608 (our own words)
_STORE = f"""{insert("idempotency", STORED)}
on conflict (user_id, key) do update set {excluded(without(_ANSWER, "key"))}"""


@dataclass(frozen=True)
class Stored:
    """A committed 2xx answer; `request_hash` is compared to find out whether the request is the same."""

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
        f"{_SELECT} where user_id = %s and key = %s and created_at > %s",
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
    """Store a 2xx answer; it commits together with the write. Replaces an expired one."""
    answer = {"request_hash": request_hash, "status": status, "headers": Jsonb(dict(headers)), "body": body}
    tx.execute(_STORE, {"user_id": tx.user_id, "key": key, "created_at": tx.now, **answer})
