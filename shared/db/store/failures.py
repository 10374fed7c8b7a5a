"""Stores events that had no effect, and why: refused by a consumer, or of an unknown schema version.
Written by the event adapter and by `relay` (dead letters); reconciliation reads them and does not send such
events again.
"""

import re
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, insert, without
from shared.db.transaction import Transaction

FAILURE: Columns = (
    "consumer", "ce_source", "ce_id", "user_id", "type", "topic", "status", "code", "detail", "event",
    "failed_at", "error_class", "next_replay_at", "replays", "resolved_at",
)  # fmt: skip
SKIPPED: Columns = (
    "consumer", "ce_source", "ce_id", "user_id", "type", "schema_version", "event", "skipped_at",
)  # fmt: skip
_FAIL = f"""{insert("event_failures", without(FAILURE, "next_replay_at", "replays", "resolved_at"))}
on conflict do nothing"""
_SKIP = f"{insert('skipped_events', SKIPPED)} on conflict do nothing"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def record_failure(
    tx: Transaction,
    *,
    consumer: str,
    source: str,
    id: str,  # noqa: A002 (the attribute's name)
    type: str,  # noqa: A002  # CloudEvents' name
    topic: str | None = None,
    status: int | None = None,
    code: str | None = None,
    detail: str | None = None,
    event: Mapping[str, Any] | None = None,
    user_id: str | None = None,
) -> None:
    """Store the first final verdict of a consumer on an event; later ones are ignored.

    `user_id` is the transaction's user if not given; "" if the event names none.
    """
    tx.execute(
        _FAIL,
        {
            "consumer": storable(consumer),
            "ce_source": storable(source),
            "ce_id": storable(id),
            "user_id": tx.user_id if user_id is None else user_id,
            "type": storable(type),
            "topic": topic,
            "status": status,
            "code": code,
            "detail": storable(detail),
            "event": Jsonb(storable(dict(event or {}))),
            "failed_at": tx.now,
            "error_class": "permanent",
        },
    )


def record_skip(
    tx: Transaction,
    *,
    consumer: str,
    source: str,
    id: str,  # noqa: A002  # CloudEvents' name
    type: str,  # noqa: A002  # CloudEvents' name
    schema_version: str,
    event: Mapping[str, Any],
) -> None:
    """Store a whole event of an unknown schema version, so that it can be replayed after an upgrade."""
    tx.execute(
        _SKIP,
        {
            "consumer": consumer,
            "ce_source": source,
            "ce_id": id,
            "user_id": tx.user_id,
            "type": type,
            "schema_version": storable(schema_version),
            "event": Jsonb(storable(dict(event))),
            "skipped_at": tx.now,
        },
    )


def storable(value: Any) -> Any:  # JSON is dynamically typed
    """`value` with U+FFFD for U+0000 and lone surrogates, which PostgreSQL's text and jsonb refuse."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
