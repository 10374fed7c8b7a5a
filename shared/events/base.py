"""What every TaskFlow event contains. Subclasses are in one module per subject and listed in `catalog`.
`Transaction.emit` makes events, `shared.db.store.outbox` stores and `shared.messaging.encoding` encodes them.

Names: io.taskflow.<subject>.<action>.v<major>; a breaking change is a new type, not a new field meaning.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

MAX_VALUE_BYTES = 1024  # a larger value in `changes` is replaced by its digest
TASK_EVENTS, REMINDERS, TASK_UPDATES = "task-events", "reminders", "task-updates"


@dataclass(frozen=True, kw_only=True)
class Event:
    """The fields of every event. `task_id` is None for events about the account.

    >>> from shared.events.task import TaskCompleted
    >>> event = TaskCompleted(
    ...     event_id=UUID(int=1), user_id="anna", task_id=UUID(int=2), task_version=2, recurring=True,
    ...     occurred_at=datetime(2026, 6, 1, 8, tzinfo=UTC), actor={"kind": "user", "id": "anna"})
    >>> event.topic, event.extensions(), event.data()["occurred_at"]
    ('task-events', {'recurring': 'true'}, '2026-06-01T08:00:00Z')
    """

    type: ClassVar[str]
    topic: ClassVar[str] = TASK_EVENTS
    schema_version: ClassVar[int] = 1

    event_id: UUID
    user_id: str
    task_id: UUID | None
    task_version: int | None
    occurred_at: datetime
    actor: Mapping[str, str]
    request_id: str | None = None
    recurring: bool = field(default=False, metadata={"extension": True})
    webhooks: bool = field(default=False, metadata={"extension": True})

    def extensions(self) -> dict[str, str]:
        """CloudEvents extension attributes that Triggers filter on: "true" or absent."""
        return {f.name: "true" for f in fields(self) if f.metadata.get("extension") and getattr(self, f.name)}

    def data(self) -> dict[str, Any]:
        """The JSON payload: plain JSON values, absent optionals left out."""
        body: dict[str, Any] = {"schema_version": self.schema_version, "event_type": self.type}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.metadata.get("extension") or (value is None and f.metadata.get("omit_null")):
                continue
            body[f.name] = plain(value)
        return body


def plain(value: object) -> Any:  # JSON is dynamically typed
    """`value` as JSON types: instants as RFC 3339 with Z, dates and ids as text."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def bounded(value: object) -> Any:
    """`value` as JSON, or its digest when its encoding is larger than MAX_VALUE_BYTES."""
    encoded = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()
    if len(encoded) <= MAX_VALUE_BYTES:
        return plain(value)
    return {"sha256": hashlib.sha256(encoded).hexdigest(), "length": len(encoded), "truncated": True}


def changes_between(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """`{field: {"from", "to"}}` of every key whose value differs; large values as their digest (`bounded`).

    >>> changes_between({"title": "Water", "tags": []}, {"title": "Water", "tags": ["home"]})
    {'tags': {'from': [], 'to': ['home']}}
    """
    keys = [*before, *(k for k in after if k not in before)]
    return {
        k: {"from": bounded(before.get(k)), "to": bounded(after.get(k))}
        for k in keys
        if before.get(k) != after.get(k)
    }
