"""All SQL about deliveries: one row for each event and outside recipient, claimed with a lease before
each attempt and marked after it. Called by `notifications`; `tasks` shows them and sends one again.

While a row is `sending` its `next_attempt_at` is the end of the lease, so that one index finds both the due
rows and those whose process has died.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.db.columns import Columns, insert, listed, without
from shared.db.uow import Transaction
from shared.domain.errors import Conflict, NotFound
from shared.domain.identity import uuid7

LEASE = timedelta(seconds=60)
WEBHOOK = "webhook"
_DELIVERY: Columns = (
    "id", "event_id", "event_type", "channel", "recipient", "state", "attempts", "next_attempt_at",
    "response_status", "last_error", "created_at", "updated_at",
)  # fmt: skip
STORED: Columns = ("user_id", *_DELIVERY, "payload", "lease_until")
_CLAIMED: Columns = ("id", "event_id", "event_type", "recipient", "payload", "attempts")
_NEW: Columns = without(STORED, "attempts", "response_status", "last_error", "lease_until")
_SELECT = f"select {listed(_DELIVERY)} from deliveries where user_id = %(user_id)s"
_INSERT = f"""{insert("deliveries", _NEW)}
on conflict (user_id, event_id, channel, recipient) do nothing"""
# One look into the index for each recipient, however many deliveries wait for it.
_WAITING = """
with recursive waiting as (
  (select recipient, next_attempt_at from deliveries
   where user_id = %(user_id)s and state in ('pending', 'sending')
   order by recipient, next_attempt_at limit 1)
  union all
  select further.recipient, further.next_attempt_at from waiting cross join lateral (
    select d.recipient, d.next_attempt_at from deliveries d
    where d.user_id = %(user_id)s and d.state in ('pending', 'sending') and d.recipient > waiting.recipient
    order by d.recipient, d.next_attempt_at limit 1) further)
select recipient, next_attempt_at as since from waiting where next_attempt_at <= %(now)s
order by next_attempt_at, recipient"""
_DUE_USERS = """
with recursive waiting as (
  (select user_id, recipient, next_attempt_at from deliveries where state in ('pending', 'sending')
   order by user_id, recipient, next_attempt_at limit 1)
  union all
  select further.* from waiting cross join lateral (
    select d.user_id, d.recipient, d.next_attempt_at from deliveries d
    where d.state in ('pending', 'sending')
      and (d.user_id, d.recipient) > (waiting.user_id, waiting.recipient)
    order by d.user_id, d.recipient, d.next_attempt_at limit 1) further)
select user_id from waiting where next_attempt_at <= %(now)s
group by user_id order by min(next_attempt_at), user_id limit %(limit)s"""
_CLAIM = f"""
with due as (
  select id from deliveries
  where user_id = %(user_id)s and recipient = %(recipient)s and state in ('pending', 'sending')
    and next_attempt_at <= %(now)s and channel = %(channel)s
  order by next_attempt_at, id limit 1 for update skip locked)
update deliveries d
set state = 'sending', attempts = attempts + 1, lease_until = %(lease)s, next_attempt_at = %(lease)s,
  updated_at = %(now)s
from due where d.user_id = %(user_id)s and d.id = due.id
returning {listed(_CLAIMED, of="d")}"""
_MARK = """
update deliveries set state = %(state)s, next_attempt_at = %(next_attempt_at)s, lease_until = null,
  response_status = %(response_status)s, last_error = %(error)s, updated_at = %(now)s
where user_id = %(user_id)s and id = %(id)s and state = 'sending' and attempts = %(attempts)s"""
_AGAIN = """
update deliveries set state = 'pending', attempts = 0, next_attempt_at = %(now)s, lease_until = null,
  updated_at = %(now)s
where user_id = %(user_id)s and id = %(id)s"""
_GIVE_UP = """
update deliveries set state = 'failed', next_attempt_at = null, lease_until = null, last_error = %(error)s,
  updated_at = %(now)s
where user_id = %(user_id)s and recipient = %(recipient)s and state in ('pending', 'sending')"""
_POSTPONE = """
update deliveries set state = 'pending', next_attempt_at = %(until)s, lease_until = null,
  updated_at = %(now)s
where user_id = %(user_id)s and event_type = any(%(event_types)s) and state in ('pending', 'sending')
  and next_attempt_at <= %(now)s"""
_RELEASE = """
update deliveries set next_attempt_at = %(now)s, updated_at = %(now)s
where user_id = %(user_id)s and event_type = any(%(event_types)s) and state = 'pending' and attempts = 0
  and next_attempt_at > %(now)s"""


@dataclass(frozen=True)
class Delivery:
    """One delivery as its owner sees it."""

    id: UUID
    event_id: UUID
    event_type: str
    channel: str
    recipient: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    response_status: int | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Waiting:
    """A recipient with due deliveries, and the time since which the first of them is due."""

    recipient: str
    since: datetime


@dataclass(frozen=True)
class Claimed:
    """A delivery that this process may attempt until its lease ends; `attempts` counts this one."""

    id: UUID
    event_id: UUID
    event_type: str
    recipient: str
    payload: str
    attempts: int


@dataclass(frozen=True)
class Result:
    """The result of an attempt: `sent`, `failed` finally, or `pending` until `next_attempt_at`."""

    state: str
    next_attempt_at: datetime | None = None
    response_status: int | None = None
    error: str | None = None


class Deliveries:
    """The deliveries of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(
        self,
        event_id: UUID,
        *,
        event_type: str,
        channel: str,
        recipient: str,
        payload: str,
        not_before: datetime | None = None,
    ) -> None:
        """Insert a delivery; nothing happens if the event has one for this channel and recipient already."""
        now = self._tx.now
        values = {"event_id": event_id, "event_type": event_type, "channel": channel, "recipient": recipient}
        identity = {"user_id": self._tx.user_id, "id": uuid7(now), "created_at": now, "updated_at": now}
        waiting = {"payload": payload, "state": "pending", "next_attempt_at": not_before or now}
        self._tx.execute(_INSERT, {**values, **identity, **waiting})

    def postpone(self, event_types: Collection[str], until: datetime) -> None:
        """Move due deliveries of these types to `until`: new ones, retries and those of a dead process."""
        self._tx.execute(_POSTPONE, self._of_types(event_types) | {"until": until})

    def release(self, event_types: Collection[str]) -> None:
        """Make deliveries that wait for their first attempt due now: the reason to wait may be over."""
        self._tx.execute(_RELEASE, self._of_types(event_types))

    def _of_types(self, event_types: Collection[str]) -> dict[str, object]:
        return {"user_id": self._tx.user_id, "event_types": list(event_types), "now": self._tx.now}

    def waiting(self) -> list[Waiting]:
        """Recipients with deliveries that are due or whose process died, the longest waiting first."""
        return self._tx.fetch(Waiting, _WAITING, {"user_id": self._tx.user_id, "now": self._tx.now})

    def claim(self, recipient: str, channel: str = WEBHOOK) -> Claimed | None:
        """Take the delivery that has been due longest, with a lease of LEASE; None when nothing is due.

        SKIP LOCKED: a concurrent caller takes the next row instead of waiting for this one.
        """
        now = self._tx.now
        values = {"user_id": self._tx.user_id, "now": now, "lease": now + LEASE, "channel": channel}
        return self._tx.fetch_one(Claimed, _CLAIM, {**values, "recipient": recipient})

    def mark(self, claimed: Claimed, result: Result) -> bool:
        """Store the result; False when the lease had ended and another attempt has begun since."""
        values = {"user_id": self._tx.user_id, "id": claimed.id, "attempts": claimed.attempts}
        done = self._tx.execute(_MARK, {**values, **vars(result), "now": self._tx.now})
        return done.rowcount == 1

    def of_recipient(
        self, recipient: str, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Delivery]:
        """Newest first, those before (created_at, id) if given."""
        at, last = before or (None, None)
        sql = (
            f"{_SELECT} and recipient = %(recipient)s"
            " and (%(at)s::timestamptz is null or (created_at, id) < (%(at)s, %(last)s::uuid))"
            " order by created_at desc, id desc limit %(limit)s"
        )
        values = {"user_id": self._tx.user_id, "recipient": recipient, "at": at, "last": last}
        return self._tx.fetch(Delivery, sql, {**values, "limit": limit})

    def get(self, delivery_id: UUID, *, recipient: str) -> Delivery:
        """The delivery of that recipient; NotFound if there is none."""
        values = {"user_id": self._tx.user_id, "id": delivery_id, "recipient": recipient}
        found = self._tx.fetch_one(
            Delivery, f"{_SELECT} and id = %(id)s and recipient = %(recipient)s", values
        )
        if found is None:
            raise NotFound(f"There is no delivery {delivery_id}.", code="delivery_not_found")
        return found

    def resend(self, delivery_id: UUID, *, recipient: str) -> Delivery:
        """Make it due at once, with a new retry schedule; the message keeps its id and its bytes.

        NotFound if there is none, Conflict while it is being attempted.
        """
        if self.get(delivery_id, recipient=recipient).state == "sending":
            raise Conflict("The delivery is being attempted right now.", code="delivery_in_progress")
        values = {"user_id": self._tx.user_id, "id": delivery_id, "now": self._tx.now}
        self._tx.execute(_AGAIN, values)
        return self.get(delivery_id, recipient=recipient)

    def give_up(self, recipient: str, *, error: str) -> None:
        """Mark everything that waits for `recipient` as failed: the endpoint does not exist any more."""
        values = {"user_id": self._tx.user_id, "recipient": recipient, "error": error, "now": self._tx.now}
        self._tx.execute(_GIVE_UP, values)


class DueDeliveries:
    """Which users have deliveries that are due, over all users (role `consumer`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def users(self, *, limit: int) -> list[str]:
        """Users with deliveries that are due or whose process died, the longest waiting first."""
        rows = self._tx.execute(_DUE_USERS, {"now": self._tx.now, "limit": limit}).fetchall()
        return [row[0] for row in rows]
