"""The verbs of webhook endpoints. A secret is shown once, when it is made; it is stored encrypted."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from functions.tasks.webhooks.policy import Policy
from shared.db.repositories.deliveries import Deliveries, Delivery
from shared.db.repositories.webhooks import Webhook, Webhooks
from shared.db.uow import Transaction
from shared.domain import webhook_target
from shared.domain.errors import Conflict
from shared.domain.identity import uuid7
from shared.domain.versions import Versions
from shared.domain.webhook import SECRET_BYTES, Secrets, check_patterns, format_secret, seal_context


@dataclass(frozen=True)
class Shown:
    """An endpoint as the API answers with it; `secret` only when it was just made."""

    webhook: Webhook
    secret: str | None = None


def create(tx: Transaction, given: Mapping[str, Any], *, policy: Policy) -> Shown:
    """A new endpoint, enabled."""
    secret, webhook_id = _new_secret(), uuid7(tx.now)
    made = Webhook(
        id=webhook_id,
        url=_checked_url(given["url"], policy),
        events=list(check_patterns(given["events"])),
        secret=_seal(tx, webhook_id, Secrets(secret), policy),
        state="enabled",
        state_reason=None,
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
    )
    Webhooks(tx).add(made)
    return Shown(made, secret)


def patch(
    tx: Transaction,
    webhook_id: UUID,
    given: Mapping[str, Any],
    *,
    policy: Policy,
    versions: Versions = None,
) -> Shown:
    """The endpoint with the given fields; `rotate_secret` makes a new secret. The old one still signs, too,
    for a day.
    """
    before = Webhooks(tx).get(webhook_id, versions=versions)
    after, secret = _applied(before, given, policy), None
    if given.get("rotate_secret"):
        secret = _new_secret()
        after = replace(after, secret=_rotated(tx, before, secret, policy))
    if after == before:
        return Shown(before)
    return Shown(Webhooks(tx).change(before, after), secret)


def delete(tx: Transaction, webhook_id: UUID, *, versions: Versions = None) -> None:
    """Delete the endpoint. Its waiting deliveries fail, and the API does not show its deliveries any more."""
    Webhooks(tx).remove(Webhooks(tx).get(webhook_id, versions=versions))
    Deliveries(tx).give_up(str(webhook_id), error="the endpoint was deleted or disabled")


def resend(tx: Transaction, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Make a delivery due at once, with a new schedule and without a pause; the next minute tick sends it."""
    if Webhooks(tx).get(webhook_id).state != "enabled":
        raise Conflict("The endpoint is disabled; enable it first.", code="webhook_disabled")
    Webhooks(tx).end_pause(webhook_id)
    return Deliveries(tx).resend(delivery_id, recipient=str(webhook_id))


def _applied(before: Webhook, given: Mapping[str, Any], policy: Policy) -> Webhook:
    after = before
    if "url" in given:
        after = replace(after, url=_checked_url(given["url"], policy))
        if after != before:  # a new address starts without the failures of the old one
            after = after.fresh()
    if "events" in given:
        after = replace(after, events=list(check_patterns(given["events"])))
    if given.get("state", before.state) != before.state:
        reason = None if given["state"] == "enabled" else "disabled by its owner"
        after = replace(after.fresh(), state=given["state"], state_reason=reason)
    return after


def _rotated(tx: Transaction, before: Webhook, secret: str, policy: Policy) -> bytes:
    context = seal_context(tx.user_id, before.id)
    known = Secrets.from_json(policy.sealer.decrypt(before.secret, context=context))
    return _seal(tx, before.id, known.rotated(secret, now=tx.now), policy)


def _checked_url(value: str, policy: Policy) -> str:
    webhook_target.parse(value, allow_loopback=policy.allow_loopback)
    return value


def _seal(tx: Transaction, webhook_id: UUID, known: Secrets, policy: Policy) -> bytes:
    return policy.sealer.encrypt(known.to_json(), context=seal_context(tx.user_id, webhook_id))


def _new_secret() -> str:
    return format_secret(secrets.token_bytes(SECRET_BYTES))
