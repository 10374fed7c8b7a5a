"""How long each table keeps its rows: the decision about every table of `schema.py`, and nothing else.

`store/forgetting` deletes rows by age and `repositories/trash` purges deleted tasks; `relay` calls both. A
test fails for a table without a decision and for a rule without an index.
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
        # A sent reminder is the record that its instant was announced; its task may still be open.
        Forget(timedelta(days=365), "updated_at", "user_id, id", "state in ('sent', 'passed')"),
    ),
    "outbox": (
        Forget(timedelta(days=7), "published_at", "user_id, seq, n", "published_at is not null"),
        Forget(timedelta(days=30), "dead_at", "user_id, seq, n", "dead_at is not null"),
    ),
    # Longer than a topic keeps events and dead letters are replayed; otherwise a replay would act twice.
    "inbox": (Forget(timedelta(days=30), "processed_at", _EVENT, "true"),),
    "skipped_events": (Forget(timedelta(days=90), "skipped_at", _EVENT, "true"),),
    "event_failures": (Forget(timedelta(days=90), "failed_at", _EVENT, "true"),),
    "idempotency": (Forget(IDEMPOTENCY, "created_at", "user_id, key", "true"),),
    "audit_heads": Keep("the audit log is kept: without its first entries a chain cannot be checked"),
    "audit_entries": Keep("the audit log is kept: without its first entries a chain cannot be checked"),
    "webhooks": Keep("until their user deletes them"),
    "deliveries": (Forget(timedelta(days=30), "updated_at", "user_id, id", "state in ('sent', 'failed')"),),
    "notifications": (Forget(timedelta(days=90), "created_at", "user_id, id", "true"),),
}
