"""The verbs of webhook endpoints: each takes the caller's transaction. The secret leaves the system once,
when it is made; what is stored is sealed.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.db.repositories.deliveries import Deliveries, Delivery
from shared.db.repositories.webhooks import Webhook
from shared.db.repositories.webhooks import Webhooks as Endpoints
from shared.db.uow import Transaction, UnitOfWork
from shared.domain import webhook_target
from shared.domain.errors import Conflict, FieldError, Invalid
from shared.domain.identity import uuid7
from shared.domain.webhook import (
    SECRET_BYTES,
    Secrets,
    check_patterns,
    format_secret,
    seal_context,
    short_name,
)
from shared.events.base import plain
from shared.runtime.sealing import Sealer

STATES = ("enabled", "disabled")
CREATE_FIELDS, PATCH_FIELDS = ("url", "events"), ("url", "events", "state", "rotate_secret")


@dataclass(frozen=True)
class Shown:
    """An endpoint as the API answers with it; `secret` only when it was just made."""

    webhook: Webhook
    secret: str | None = None


class Webhooks:
    """Endpoints of any user, within the transactions that `uow` opens for their callers."""

    def __init__(self, uow: UnitOfWork, sealer: Sealer, *, allow_loopback: bool) -> None:
        self.uow = uow
        self._sealer = sealer
        self._allow_loopback = allow_loopback

    def create(self, tx: Transaction, given: Mapping[str, Any]) -> Shown:
        _only(given, CREATE_FIELDS, required=CREATE_FIELDS)
        secret, webhook_id = _new_secret(), uuid7(tx.now)
        made = Webhook(
            id=webhook_id,
            url=self._url(given["url"]),
            events=list(check_patterns(given["events"])),
            secret=self._seal(tx, webhook_id, Secrets(secret)),
            state="enabled",
            state_reason=None,
            version=1,
            created_at=tx.now,
            updated_at=tx.now,
        )
        Endpoints(tx).add(made)
        return Shown(made, secret)

    def patch(
        self, tx: Transaction, webhook_id: UUID, given: Mapping[str, Any], *, version: int | None
    ) -> Shown:
        """Merge patch; `rotate_secret` makes a new secret beside which the old one signs for a day."""
        _only(given, PATCH_FIELDS)
        before = Endpoints(tx).get(webhook_id, version=version)
        after, secret = self._applied(tx, before, given)
        if after == before:
            return Shown(before)
        return Shown(Endpoints(tx).change(before, after), secret)

    def delete(self, tx: Transaction, webhook_id: UUID, *, version: int | None) -> None:
        """Its deliveries stay readable to nobody; what still waits is given up."""
        Endpoints(tx).remove(Endpoints(tx).get(webhook_id, version=version))
        Deliveries(tx).give_up(str(webhook_id), error="the endpoint was deleted or disabled")

    def resend(self, tx: Transaction, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        """Due at once with a fresh schedule; the next minute tick of `notifications` sends it."""
        if Endpoints(tx).get(webhook_id).state != "enabled":
            raise Conflict("The endpoint is disabled; enable it first.", code="webhook_disabled")
        return Deliveries(tx).resend(delivery_id, recipient=str(webhook_id))

    def _applied(
        self, tx: Transaction, before: Webhook, given: Mapping[str, Any]
    ) -> tuple[Webhook, str | None]:
        after, secret = before, None
        if "url" in given:
            after = replace(after, url=self._url(given["url"]))
        if "events" in given:
            after = replace(after, events=list(check_patterns(given["events"])))
        if "state" in given and _state(given["state"]) != before.state:
            reason = None if given["state"] == "enabled" else "disabled by its owner"
            after = replace(after, state=given["state"], state_reason=reason)
        if _flag(given.get("rotate_secret", False)):
            secret = _new_secret()
            context = seal_context(tx.user_id, before.id)
            known = Secrets.from_json(self._sealer.decrypt(before.secret, context=context))
            sealed = self._seal(tx, before.id, known.rotated(secret, now=tx.now))
            after = replace(after, secret=sealed)
        return after, secret

    def _url(self, value: object) -> str:
        if not isinstance(value, str):
            raise _invalid("url", "invalid_url", "url must be text")
        webhook_target.parse(value, allow_loopback=self._allow_loopback)
        return value

    def _seal(self, tx: Transaction, webhook_id: UUID, known: Secrets) -> bytes:
        return self._sealer.encrypt(known.to_json(), context=seal_context(tx.user_id, webhook_id))


def render(shown: Shown) -> dict[str, Any]:
    """The endpoint as JSON."""
    found = shown.webhook
    body = {"id": found.id, **found.public(), "version": found.version}
    body |= {"created_at": found.created_at, "updated_at": found.updated_at}
    if shown.secret is not None:
        body["secret"] = shown.secret
    rendered: dict[str, Any] = plain(body)
    return rendered


def render_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery as JSON: what was tried and when it is tried again, never the endpoint's answer."""
    rendered: dict[str, Any] = plain(
        {
            "id": delivery.id,
            "event_id": delivery.event_id,
            "event": short_name(delivery.event_type),
            "state": delivery.state,
            "attempts": delivery.attempts,
            "next_attempt_at": delivery.next_attempt_at,
            "response_status": delivery.response_status,
            "error": delivery.last_error,
            "created_at": delivery.created_at,
            "updated_at": delivery.updated_at,
        }
    )
    return rendered


def _new_secret() -> str:
    return format_secret(secrets.token_bytes(SECRET_BYTES))


def _only(given: Mapping[str, Any], known: tuple[str, ...], *, required: tuple[str, ...] = ()) -> None:
    found = [FieldError(name, "unknown_field", "unknown field") for name in given if name not in known]
    found += [FieldError(name, "missing", "field required") for name in required if given.get(name) is None]
    if found:
        raise Invalid(errors=found)


def _state(value: object) -> str:
    if not isinstance(value, str) or value not in STATES:
        raise _invalid("state", "invalid_state", f"state must be one of {', '.join(STATES)}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid("rotate_secret", "invalid_flag", "rotate_secret must be true or false")
    return value


def _invalid(field: str, code: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field, code, message)])
