"""Finds published events that an expected consumer never answered, and sends them again. Called by `relay`.

KafkaSource commits its offset even when the dead-letter sink fails: an event can vanish between the log and
its consumer. Inbox, skipped events and failures are the answers; the catalog knows who must answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db.store import outbox
from shared.db.transaction import Transaction
from shared.events.catalog import EVENTS, consumers

MAX_REPUBLISHED = 3
_EXTENSIONS = ("recurring", "webhooks")  # what Triggers filter on, beside the type


@dataclass(frozen=True)
class Unanswered:
    """A published event and the consumers that left no trace of it."""

    user_id: str
    seq: int
    n: int
    event_id: UUID
    type: str
    republished: int
    consumers: list[str]


def unanswered(
    tx: Transaction,
    *,
    since: datetime,
    before: datetime,
    exhausted: bool = False,
    limit: int = 500,
) -> list[Unanswered]:
    """Events published in [since, before) without their answers, oldest first. Sweep: role `relay`.

    `exhausted` asks for those that were sent again MAX_REPUBLISHED times in vain (alert) instead.
    """
    types, extensions, names = zip(*_expectations(), strict=True)
    return tx.fetch(
        Unanswered,
        """with expected as (
             select * from unnest(%(types)s::text[], %(extensions)s::text[], %(names)s::text[])
               as e (type, extension, consumer))
           select o.user_id, o.seq, o.n, o.event_id, o.type, o.republished,
             array_agg(e.consumer order by e.consumer) as consumers
           from outbox o join expected e
             on e.type = o.type and (e.extension is null or e.extension = any (o.extensions))
           where o.published_at >= %(since)s and o.published_at < %(before)s
             and (o.republished >= %(max)s) = %(exhausted)s
             and not exists (select from inbox i where i.consumer = e.consumer
               and i.ce_source = o.source and i.ce_id = o.event_id::text)
             and not exists (select from skipped_events s where s.consumer = e.consumer
               and s.ce_source = o.source and s.ce_id = o.event_id::text)
             and not exists (select from event_failures f where f.consumer = e.consumer
               and f.ce_source = o.source and f.ce_id = o.event_id::text)
           group by o.user_id, o.seq, o.n order by o.published_at limit %(limit)s""",
        {
            "types": list(types),
            "extensions": list(extensions),
            "names": list(names),
            "since": since,
            "before": before,
            "max": MAX_REPUBLISHED,
            "exhausted": exhausted,
            "limit": limit,
        },
    )


def republish(tx: Transaction, user_id: str, events: Sequence[Unanswered]) -> int:
    """Make the user's `events` pending again, with the same ids; 0 while somebody drains the user.

    The lock keeps them out of a drain that has read its batch already and would mark them unsent.
    """
    if not events or not outbox.try_lock(tx, user_id):
        return 0
    return tx.execute(
        """update outbox set published_at = null, republished = republished + 1
           where user_id = %s and event_id = any (%s) and published_at is not null and republished < %s""",
        (user_id, [event.event_id for event in events], MAX_REPUBLISHED),
    ).rowcount


def _expectations() -> Iterable[tuple[str, str | None, str]]:
    """(type, extension that must be there or None, consumer), read out of the catalog's function."""
    for event_type in EVENTS:
        always = consumers(event_type, frozenset())
        yield from ((event_type, None, name) for name in always)
        for extension in _EXTENSIONS:
            extra = consumers(event_type, frozenset({extension}))
            yield from ((event_type, extension, name) for name in extra if name not in always)
