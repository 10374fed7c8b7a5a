"""All SQL about the webhook endpoints of one user. Called by `tasks` and `notifications`.

A change of what the user set emits an event and updates `accounts.webhook_events` in the same transaction.
Whether an endpoint answers (`unanswered`, `paused_until`) is not such a change.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db.columns import Columns, assigned, insert, listed, without
from shared.db.repositories.accounts import Accounts
from shared.db.uow import Transaction
from shared.domain.errors import LimitExceeded, NotFound
from shared.domain.versions import Versions, check_version
from shared.domain.webhook import matches
from shared.events.account import AccountChanged
from shared.events.base import changes_between

MAX_ENDPOINTS = 20
_WEBHOOK: Columns = (
    "id", "url", "events", "secret", "state", "state_reason", "unanswered", "unanswered_since",
    "paused_until", "version", "created_at", "updated_at",
)  # fmt: skip
STORED: Columns = ("user_id", *_WEBHOOK)
_SELECT = f"select {listed(_WEBHOOK)} from webhooks where user_id = %s"
_INSERT = insert("webhooks", STORED)
_UPDATE = f"""update webhooks set {assigned(without(STORED, "user_id", "id", "created_at"))}
where user_id = %(user_id)s and id = %(id)s"""
_PAUSE = """
update webhooks set unanswered = greatest(unanswered, %(unanswered)s),
  unanswered_since = coalesce(unanswered_since, %(now)s), paused_until = %(until)s
where user_id = %(user_id)s and id = %(id)s"""


@dataclass(frozen=True)
class Webhook:
    """One endpoint; `secret` is sealed (functions open it with shared.runtime.sealing)."""

    id: UUID
    url: str
    events: list[str]
    secret: bytes
    state: str
    state_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    unanswered: int = 0  # attempts in a row without an answer
    unanswered_since: datetime | None = None
    paused_until: datetime | None = None

    def resting(self, now: datetime) -> bool:
        """Whether nothing is sent there at `now`."""
        return self.paused_until is not None and self.paused_until > now

    def fresh(self) -> "Webhook":
        """The endpoint as if it had answered."""
        return replace(self, unanswered=0, unanswered_since=None, paused_until=None)

    def public(self) -> dict[str, Any]:  # JSON
        """The fields that the owner and the audit log may see, so without the secret."""
        return {
            "url": self.url,
            "events": list(self.events),
            "state": self.state,
            "state_reason": self.state_reason,
        }


class Webhooks:
    """The endpoints of the transaction's user; writes need a `write` transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def all(self) -> list[Webhook]:
        """Oldest first."""
        return self._tx.fetch(Webhook, f"{_SELECT} order by id", (self._tx.user_id,))

    def get(self, webhook_id: UUID, *, versions: Versions = None) -> Webhook:
        """The endpoint. NotFound if there is none; PreconditionFailed unless it is at one of `versions`.

        It needs no lock of its own: every write of the user has locked the account row.
        """
        found = self._tx.fetch_one(Webhook, f"{_SELECT} and id = %s", (self._tx.user_id, webhook_id))
        if found is None:
            raise NotFound(f"There is no webhook {webhook_id}.", code="webhook_not_found")
        check_version("webhook", found.version, versions)
        return found

    def asking_for(self, event_type: str) -> list[UUID]:
        """Ids of the enabled endpoints whose patterns match."""
        return [w.id for w in self.all() if w.state == "enabled" and matches(w.events, event_type)]

    def add(self, webhook: Webhook) -> None:
        """Insert a new endpoint and emit its event; LimitExceeded for more than MAX_ENDPOINTS."""
        if len(self.all()) >= MAX_ENDPOINTS:
            raise LimitExceeded(f"A user has at most {MAX_ENDPOINTS} webhooks.", code="too_many_webhooks")
        self._tx.execute(_INSERT, self._row(webhook))
        self._announce(webhook.id, "created", {}, webhook.public())

    def change(self, before: Webhook, after: Webhook) -> Webhook:
        """Write `after` as the next version; returns it."""
        after = replace(after, version=before.version + 1, updated_at=self._tx.now)
        self._tx.execute(_UPDATE, self._row(after))
        self._announce(after.id, "updated", before.public(), after.public())
        return after

    def remove(self, webhook: Webhook) -> None:
        """Delete the endpoint and emit its event."""
        self._tx.execute(
            "delete from webhooks where user_id = %s and id = %s", (self._tx.user_id, webhook.id)
        )
        self._announce(webhook.id, "deleted", webhook.public(), {})

    def disable(self, webhook_id: UUID, *, reason: str) -> None:
        """Stop sending there until the user enables it again; nothing happens if it is unknown or
        disabled.
        """
        for found in self.all():
            if found.id == webhook_id and found.state == "enabled":
                self.change(found, replace(found, state="disabled", state_reason=reason))

    def pause(self, webhook: Webhook, *, until: datetime) -> None:
        """Count one more attempt without an answer; nothing is sent there before `until`."""
        values = {"user_id": self._tx.user_id, "id": webhook.id, "until": until, "now": self._tx.now}
        self._tx.execute(_PAUSE, {**values, "unanswered": webhook.unanswered + 1})

    def answered(self, webhook_id: UUID) -> None:
        """The endpoint has answered: forget the attempts without an answer, and any pause."""
        self._tx.execute(
            "update webhooks set unanswered = 0, unanswered_since = null, paused_until = null"
            " where user_id = %s and id = %s",
            (self._tx.user_id, webhook_id),
        )

    def end_pause(self, webhook_id: UUID) -> None:
        """Allow the next attempt at once; there is only one at a time until the endpoint answers."""
        self._tx.execute(
            "update webhooks set paused_until = null where user_id = %s and id = %s",
            (self._tx.user_id, webhook_id),
        )

    def _announce(self, webhook_id: UUID, action: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        wanted = [pattern for w in self.all() if w.state == "enabled" for pattern in w.events]
        Accounts(self._tx).set_webhook_events(wanted)
        self._tx.emit(
            AccountChanged,
            task_id=None,
            task_version=None,
            resource="webhook",
            resource_id=str(webhook_id),
            action=action,
            changes=changes_between(before, after),
        )

    def _row(self, webhook: Webhook) -> dict[str, Any]:
        return {**vars(webhook), "user_id": self._tx.user_id}
