"""How long each table keeps its rows: the decision about every table of `schema.py`, and nothing else.

`store/forgetting` carries out what is forgotten by age and `repositories/trash` what is purged; `relay` calls
both. A test fails for a table without a decision and for a rule without an index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

TRASH = timedelta(days=30)  # how long a deleted task can be restored
IDEMPOTENCY = timedelta(hours=24)  # how long a repeated request gets the first answer


@dataclass(frozen=True)
class Keep:
    """Rows stay until their user is erased, or as long as `reason` says."""

    reason: str


@dataclass(frozen=True)
class Forget:
    """Rows are deleted when the instant `since` is `age` ago, where `where` holds; `key` identifies one."""

    age: timedelta
    since: LiteralString
    key: LiteralString
    where: LiteralString


_EVENT: LiteralString = "consumer, ce_source, ce_id"

RETENTION: Mapping[LiteralString, tuple[Forget, ...] | Keep] = {
    "accounts": Keep("one row a user"),
    "series": Keep("until the last task of an ended one is purged"),
    "tasks": Keep("until 30 days in the trash; then purged, which ends the series of an open occurrence"),
    "occurrences": Keep("the record of their series, and go with it"),
    "reminders": (
        Forget(timedelta(days=30), "updated_at", "user_id, id", "state = 'cancelled'"),
        # A sent one tells that its instant has been told of; its task may still be open.
        Forget(timedelta(days=365), "updated_at", "user_id, id", "state in ('sent', 'passed')"),
    ),
    "outbox": (
        Forget(timedelta(days=7), "published_at", "user_id, seq, n", "published_at is not null"),
        Forget(timedelta(days=30), "dead_at", "user_id, seq, n", "dead_at is not null"),
    ),
    # The inbox outlives every topic's retention and the replay of its dead letters: else a replay acts twice.
    "inbox": (Forget(timedelta(days=30), "processed_at", _EVENT, "true"),),
    "skipped_events": (Forget(timedelta(days=90), "skipped_at", _EVENT, "true"),),
    "event_failures": (Forget(timedelta(days=90), "failed_at", _EVENT, "true"),),
    "idempotency": (Forget(IDEMPOTENCY, "created_at", "user_id, key", "true"),),
    "audit_heads": Keep("the audit log is kept: a chain that forgets proves nothing"),
    "audit_entries": Keep("the audit log is kept: a chain that forgets proves nothing"),
    "webhooks": Keep("until their user deletes them"),
    "deliveries": (Forget(timedelta(days=30), "updated_at", "user_id, id", "state in ('sent', 'failed')"),),
    "notifications": (Forget(timedelta(days=90), "created_at", "user_id, id", "true"),),
}
