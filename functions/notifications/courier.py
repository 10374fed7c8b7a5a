"""One delivery from claim to mark: at least once, with the same message id on every attempt, so that a
receiver that honours `webhook-id` sees it once. Called by the sender's threads.

A crash after the claim leaves a lease that ends; a crash after the send leaves a message that is sent
again with the same id and the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from functions.notifications.safe_http import Answer, NotDelivered
from functions.notifications.verdict import GONE, judge
from shared.db.repositories.accounts import Accounts
from shared.db.repositories.deliveries import Claimed, Deliveries, Result
from shared.db.repositories.webhooks import Webhook, Webhooks
from shared.db.uow import Cause, Transaction, UnitOfWork
from shared.domain import quiet_hours, webhook
from shared.domain.backoff import MAX_ATTEMPTS
from shared.domain.errors import NotFound
from shared.domain.identity import Actor
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import bind, get_logger
from shared.runtime.sealing import Sealer, Unsealable

CAUSE = Cause(actor=Actor("function", "notifications"))
log = get_logger(__name__)


class Post(Protocol):
    """`safe_http.post`, bound to its settings."""

    def __call__(self, url: str, body: bytes, *, headers: dict[str, str]) -> Answer: ...


@dataclass(frozen=True)
class Assignment:
    """A claimed delivery and where it goes; no endpoint when it was deleted meanwhile."""

    user_id: str
    claimed: Claimed
    endpoint: Webhook | None
    at: datetime  # when the claim was made, on the database's clock


class Courier:
    """Claims and carries deliveries of any user; each claim and each mark is a transaction of its own."""

    def __init__(self, uow: UnitOfWork, sealer: Sealer, *, post: Post, draw: Callable[[], float]) -> None:
        self._uow = uow
        self._sealer = sealer
        self._post = post
        self._draw = draw

    def claim(self, user_id: str) -> Assignment | None:
        """The user's next due delivery, leased to us; None when nothing is due."""
        with self._uow.record(user_id, CAUSE) as tx:
            _keep_quiet(tx)
            claimed = Deliveries(tx).claim()
            if claimed is None:
                return None
            try:
                endpoint: Webhook | None = Webhooks(tx).get(UUID(claimed.recipient))
            except NotFound:
                endpoint = None
            assignment = Assignment(user_id, claimed, endpoint, tx.now)
        failpoint("deliver:after_claim")
        return assignment

    def carry(self, assignment: Assignment) -> Result:
        """Attempt it and write down what came of it."""
        claimed = assignment.claimed
        with bind(user_id=assignment.user_id, delivery_id=str(claimed.id), event_id=str(claimed.event_id)):
            result = self._attempt(assignment)
            failpoint("deliver:after_send")
            self._mark(assignment, result)
            failpoint("deliver:after_mark")
        return result

    def _attempt(self, assignment: Assignment) -> Result:
        claimed, endpoint = assignment.claimed, assignment.endpoint
        if endpoint is None or endpoint.state != "enabled":
            return Result("failed", error="the endpoint was deleted or disabled")
        if claimed.attempts > MAX_ATTEMPTS:
            return Result("failed", error="every attempt was interrupted")
        outcome = self._send(assignment, endpoint)
        return judge(outcome, attempts=claimed.attempts, now=assignment.at, draw=self._draw())

    def _send(self, assignment: Assignment, endpoint: Webhook) -> Answer | NotDelivered:
        try:
            secrets = self._secrets(assignment.user_id, endpoint)
        except Unsealable as error:  # an operator's mistake: retried, so that putting the key back heals it
            log.failure("a webhook secret cannot be opened, check WEBHOOK_SECRET_KEY", error)
            return NotDelivered("the endpoint's secret could not be read")
        body = assignment.claimed.payload.encode()
        headers = webhook.headers(
            secrets.valid(assignment.at),
            body,
            message_id=str(assignment.claimed.event_id),
            sent_at=assignment.at,
        )
        try:
            return self._post(endpoint.url, body, headers=headers)
        except NotDelivered as error:
            return error

    def _secrets(self, user_id: str, endpoint: Webhook) -> webhook.Secrets:
        context = webhook.seal_context(user_id, endpoint.id)
        return webhook.Secrets.from_json(self._sealer.decrypt(endpoint.secret, context=context))

    def _mark(self, assignment: Assignment, result: Result) -> None:
        claimed = assignment.claimed
        gone = result.response_status == GONE
        open_transaction = self._uow.write if gone else self._uow.record  # disabling is an event
        with open_transaction(assignment.user_id, CAUSE) as tx:
            marked = Deliveries(tx).mark(claimed, result)
            if gone and assignment.endpoint is not None:
                Webhooks(tx).disable(assignment.endpoint.id, reason="the endpoint answered 410 Gone")
                Deliveries(tx).give_up(claimed.recipient, error="the endpoint answered 410 Gone")
        if not marked:
            log.warning("delivery was taken over", attempt=claimed.attempts)
        log.info(
            "delivery attempted",
            state=result.state,
            attempt=claimed.attempts,
            status=result.response_status,
        )


def _keep_quiet(tx: Transaction) -> None:
    """A retry, or what an outage delayed, may come due in quiet hours that were not foreseen."""
    until = Accounts(tx).preferences().quiet_until(tx.now)
    if until is not None:
        Deliveries(tx).postpone(quiet_hours.EVENTS, until)
