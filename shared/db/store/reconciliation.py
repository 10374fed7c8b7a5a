"""Finds published events that an expected consumer has passed over, and sends them again. Called by `relay`.

KafkaSource commits its offset even when the dead-letter sink fails: an event can vanish between the log and
its consumer. Inbox, skipped events and failures are the answers; the catalog knows who must answer. The log
is ordered by user, so that an answer to a later event proves that the earlier one was passed over. Until
there is one, the consumer may only be behind, and sending more would keep it there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from shared.db.store import outbox
from shared.db.transaction import Transaction
from shared.events.catalog import EVENTS, consumers

MAX_REPUBLISHED = 3
_EXTENSIONS = ("recurring", "webhooks")  # what Triggers filter on, beside the type
_PER_USER = 50  # lost events in one page: nobody keeps the others waiting
# An answer older than the publication is one to an earlier publication of the same event: it proves nothing
# about what was published since.
_ANSWERS: LiteralString = """
select i.processed_at as at from inbox i
  where i.consumer = e.consumer and i.ce_source = o.source and i.ce_id = o.event_id::text
union all select s.skipped_at from skipped_events s
  where s.consumer = e.consumer and s.ce_source = o.source and s.ce_id = o.event_id::text
union all select f.failed_at from event_failures f
  where f.consumer = e.consumer and f.ce_source = o.source and f.ce_id = o.event_id::text"""
_EXPECTED: LiteralString = "e.type = o.type and (e.extension is null or e.extension = any (o.extensions))"
_LOST: LiteralString = f"""
with expected as (
  select * from unnest(%(types)s::text[], %(extensions)s::text[], %(names)s::text[])
    as e (type, extension, consumer)),
open as (
  select o.user_id, o.topic, o.seq, o.n, o.event_id, o.type, o.republished, o.published_at, e.consumer
  from outbox o join expected e on {_EXPECTED}
  where o.published_at >= %(since)s and o.published_at < %(until)s and not exists ({_ANSWERS})),
passed as (  -- the newest event that the consumer has answered since the oldest open one went out
  select g.user_id, g.topic, g.consumer, newest.* from
    (select user_id, topic, consumer, min(published_at) as first from open group by 1, 2, 3) g
  cross join lateral (
    select o.published_at, o.seq, o.n from outbox o join expected e on {_EXPECTED}
    where o.user_id = g.user_id and o.topic = g.topic and e.consumer = g.consumer
      and o.published_at >= g.first
      and exists (select from ({_ANSWERS}) answers where answers.at >= o.published_at)
    order by o.published_at desc, o.seq desc, o.n desc limit 1) newest),
lost as (
  select o.user_id, o.seq, o.n, o.event_id, o.type, o.republished, o.published_at,
    array_agg(o.consumer order by o.consumer) as consumers
  from open o join passed p on p.user_id = o.user_id and p.topic = o.topic and p.consumer = o.consumer
    and (o.published_at, o.seq, o.n) < (p.published_at, p.seq, p.n)
  where (o.republished >= %(max)s) = %(exhausted)s
  group by 1, 2, 3, 4, 5, 6, 7)
select user_id, seq, n, event_id, type, republished, consumers from (
  select *, row_number() over (partition by user_id order by seq, n) as turn from lost) turns
where turn <= {_PER_USER} order by turn, published_at, user_id limit %(limit)s"""  # noqa: S608 (our own words)


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
    until: datetime,
    before: datetime,
    exhausted: bool = False,
    limit: int = 500,
) -> list[Unanswered]:
    """Events that were published in [since, until) and before `before`, and lost, the users in turns. Sweep.

    Lost means: unanswered, although the consumer has answered an event of the same user and topic that was
    published later, in order behind it. A consumer that is merely behind has answered nothing later.
    `exhausted` asks for those that were sent again MAX_REPUBLISHED times in vain (alert) instead.
    """
    types, extensions, names = zip(*_expectations(), strict=True)
    return tx.fetch(
        Unanswered,
        _LOST,
        {
            "types": list(types),
            "extensions": list(extensions),
            "names": list(names),
            "since": since,
            "until": min(until, before),
            "max": MAX_REPUBLISHED,
            "exhausted": exhausted,
            "limit": limit,
        },
    )


def republish(tx: Transaction, user_id: str, events: Sequence[Unanswered]) -> int:
    """Make the user's lost `events` pending again, with the same ids; 0 while somebody drains the user."""
    if not events or not outbox.try_lock(tx, user_id):  # see `outbox.publish_again`
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
