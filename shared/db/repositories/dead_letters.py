"""SQL of the dead letters: their record over all users, and their replay. Called by `relay` only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, excluded, insert, without
from shared.db.store import outbox
from shared.db.store.failures import FAILURE, storable
from shared.db.uow import Transaction

# The first replay is due at once; after it the pauses double. A tick comes once a minute.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=45), timedelta(hours=1)
_LETTER: Columns = without(FAILURE, "replays", "resolved_at")
_PUT: LiteralString = f"""{insert("event_failures", _LETTER)}
on conflict (consumer, ce_source, ce_id) do update
  set {excluded(without(_LETTER, "consumer", "ce_source", "ce_id", "next_replay_at"))}, resolved_at = null,
  next_replay_at = case when excluded.next_replay_at is not null
    then coalesce(event_failures.next_replay_at, excluded.next_replay_at) end"""
_DUE: LiteralString = """
select user_id, consumer, ce_source as source, ce_id as id, replays from (
  select *, row_number() over (partition by user_id order by next_replay_at, ce_id) as turn
  from event_failures where next_replay_at <= %(now)s) due
order by turn, next_replay_at, ce_id limit %(limit)s"""
_THESE: LiteralString = """
f.user_id = %(user_id)s and f.next_replay_at is not null and (f.consumer, f.ce_source, f.ce_id) in
  (select * from unnest(%(consumers)s::text[], %(sources)s::text[], %(ids)s::text[]))"""
_ANSWERED: LiteralString = f"""
update event_failures f set resolved_at = %(now)s, next_replay_at = null
where {_THESE} and (
  exists (select from inbox i
    where (i.consumer, i.ce_source, i.ce_id) = (f.consumer, f.ce_source, f.ce_id))
  or exists (select from skipped_events s
    where (s.consumer, s.ce_source, s.ce_id) = (f.consumer, f.ce_source, f.ce_id)))
returning f.consumer, f.ce_source, f.ce_id"""
_AGAIN: LiteralString = f"""
update event_failures f set replays = replays + 1,
  next_replay_at = %(now)s + least(%(longest)s, %(first)s * power(2, least(replays, 30)))
where {_THESE}"""
_NEVER: LiteralString = f"update event_failures f set next_replay_at = null where {_THESE}"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event from a dead-letter topic, and the known reasons; `user_id` is "" if the event names none."""

    consumer: str
    source: str
    id: str
    type: str
    user_id: str
    topic: str | None
    status: int | None
    code: str | None
    detail: str | None
    event: Mapping[str, Any]  # JSON
    error_class: str | None = None
    replayable: bool = False


@dataclass(frozen=True)
class Due:
    """A dead letter whose event is to be published again; `replays` counts those before."""

    user_id: str
    consumer: str
    source: str
    id: str
    replays: int


@dataclass(frozen=True)
class Replayed:
    """The result for a user's due letters: how many were answered meanwhile, are pending again, or are gone
    from the outbox. `busy`: none, because the user's outbox is being drained.
    """

    answered: int = 0
    pending: int = 0
    gone: int = 0
    busy: bool = False


class DeadLetters:
    """The dead letters of all users; needs a transaction without a user, in the role `relay`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def put(self, letter: DeadLetter) -> None:
        """Store it instead of the consumer's own record, which has neither topic nor dispatcher. A letter
        that is due already keeps its time: an event that fails again moves neither back nor forward in the
        order.
        """
        values = {name: storable(value) for name, value in vars(letter).items()}
        values |= {"ce_source": values["source"], "ce_id": values["id"], "failed_at": self._tx.now}
        values |= {"event": Jsonb(storable(letter.event))}
        self._tx.execute(_PUT, values | {"next_replay_at": self._tx.now if letter.replayable else None})

    def due(self, *, limit: int) -> list[Due]:
        """Letters to replay now: the first of every user, then the second of every user, and so on."""
        return self._tx.fetch(Due, _DUE, {"now": self._tx.now, "limit": limit})


class Replays:
    """The due letters of the transaction's user, in the role `relay`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def run(self, due: Sequence[Due]) -> Replayed:
        """Close the letters that their consumer has answered; make the rest pending again, with the same ids.

        The other consumers of such an event find it in their inboxes and ignore it.
        """
        if not outbox.try_lock(self._tx, self._tx.user_id):  # see `outbox.publish_again`
            return Replayed(busy=True)
        answered = set(self._tx.execute(_ANSWERED, self._values(due)).fetchall())
        open_ = [letter for letter in due if (letter.consumer, letter.source, letter.id) not in answered]
        kept = outbox.publish_again(self._tx, self._tx.user_id, [UUID(letter.id) for letter in open_])
        again = [letter for letter in open_ if UUID(letter.id) in kept]
        gone = [letter for letter in open_ if UUID(letter.id) not in kept]
        pauses = {"first": FIRST_PAUSE, "longest": LONGEST_PAUSE}
        return Replayed(
            answered=len(answered),
            pending=self._tx.execute(_AGAIN, self._values(again) | pauses).rowcount,
            gone=self._tx.execute(_NEVER, self._values(gone)).rowcount,
        )

    def _values(self, letters: Sequence[Due]) -> dict[str, object]:
        return {
            "user_id": self._tx.user_id,
            "now": self._tx.now,
            "consumers": [letter.consumer for letter in letters],
            "sources": [letter.source for letter in letters],
            "ids": [letter.id for letter in letters],
        }
