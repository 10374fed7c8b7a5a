"""Finds published events that never reached an expected consumer, and sends them again. Called by `relay`.

KafkaSource commits its offset even when the dead-letter sink fails, so an event can get lost between the log
and its consumer. A consumer that got an event has a row for it in the inbox, the skipped events or the
failures (here: an answer); the catalog says which consumers must have one. The log keeps the order of each
user, so an answer to a later event proves that the earlier one was lost. Without such an answer the consumer
may only be behind, and more events would make that worse.
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
_PER_USER = 50  # lost events of one user in one page, so that the other users get their turn
# An answer older than the publication is an answer to an earlier publication of the same event, and says
# nothing about the last one.
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
    """A published event and the consumers that have no answer to it."""

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
    """Events published in [since, until) and before `before` that are lost, one user after the other. Sweep.

    Lost means: no answer, although the consumer has answered an event of the same user and topic that was
    published later. `exhausted` asks instead for those that are lost although they were sent again
    MAX_REPUBLISHED times (for an alert).
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
    """Make the user's lost `events` pending again, with the same ids; returns how many, 0 during a drain."""
    if not events or not outbox.try_lock(tx, user_id):  # see `outbox.publish_again`
        return 0
    return tx.execute(
        """update outbox set published_at = null, republished = republished + 1
           where user_id = %s and event_id = any (%s) and published_at is not null and republished < %s""",
        (user_id, [event.event_id for event in events], MAX_REPUBLISHED),
    ).rowcount


def _expectations() -> Iterable[tuple[str, str | None, str]]:
    """(type, extension that the event must have or None, consumer) for every expectation of the catalog."""
    for event_type in EVENTS:
        always = consumers(event_type, frozenset())
        yield from ((event_type, None, name) for name in always)
        for extension in _EXTENSIONS:
            extra = consumers(event_type, frozenset({extension}))
            yield from ((event_type, extension, name) for name in extra if name not in always)
