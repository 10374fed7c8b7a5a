"""Appends one entry to the audit chain of a user for each event. Called by the event adapter, in mode
"record".

Entries are in the order of arrival, which is the order of commits of the user. A late or replayed event is
appended, too, whatever its `task_version`: the log records what happened, not the present state.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.db.repositories.audit import AuditLog
from shared.db.uow import Transaction
from shared.domain.audit_chain import Entry
from shared.domain.errors import Invalid
from shared.runtime.logging import get_logger
from shared.runtime.received import ReceivedEvent

# Everything else in an event's data is the `detail` of its entry.
_OWN_FIELDS = frozenset(
    {
        "schema_version",
        "event_type",
        "event_id",
        "user_id",
        "task_id",
        "task_version",
        "occurred_at",
        "actor",
        "request_id",
        "changes",
    }
)
log = get_logger(__name__)


def handle(event: ReceivedEvent, tx: Transaction) -> None:
    """Append the event to the chain, unless it is in it already."""
    chain = AuditLog(tx)
    head = chain.lock_head()
    event_id = _event_id(event)
    if chain.has(event_id):
        log.info("event is in the audit log already")
        return
    appended = chain.append(head, entry_of(event, tx, event_id=event_id, seq=head.seq + 1))
    log.info("audit entry appended", seq=appended.seq)


def entry_of(event: ReceivedEvent, tx: Transaction, *, event_id: UUID, seq: int) -> Entry:
    """The entry of `event`, with the number `seq`."""
    return Entry(
        user_id=event.user_id,
        seq=seq,
        event_id=event_id,
        type=event.type,
        actor=_mapping(event, "actor"),
        task_id=event.task_id,
        task_version=event.task_version,
        occurred_at=event.time or tx.now,
        recorded_at=tx.now,
        request_id=_text(event, "request_id"),
        changes=_mapping(event, "changes"),
        detail={name: value for name, value in event.data.items() if name not in _OWN_FIELDS},
    )


def _event_id(event: ReceivedEvent) -> UUID:
    try:
        return UUID(event.id)
    except ValueError:
        raise Invalid("The event's id is not a UUID.", code="invalid_event_data") from None


def _mapping(event: ReceivedEvent, name: str) -> Mapping[str, Any]:  # JSON
    value = event.data.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"data.{name} is not an object.", code="invalid_event_data")
    return value


def _text(event: ReceivedEvent, name: str) -> str | None:
    value = event.data.get(name)
    return value if isinstance(value, str) else None
