"""Makes one attempt of a delivery: claim it, send it, mark the result. Called by the threads of `sender`.

A message is delivered at least once. Every attempt has the same message id (`webhook-id`) and the same bytes,
so that a receiver can recognise a repetition. After a crash between claim and mark the lease ends, and the
message is sent again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from functions.notifications.safe_http import Answer, NotDelivered
from functions.notifications.turns import eligible
from functions.notifications.verdict import judge, reason_to_disable
from shared.db.repositories.accounts import Accounts
from shared.db.repositories.deliveries import Claimed, Deliveries, Result
from shared.db.repositories.webhooks import Webhook, Webhooks
from shared.db.uow import Cause, Transaction, UnitOfWork
from shared.domain import quiet_hours, webhook
from shared.domain.backoff import MAX_ATTEMPTS, pause
from shared.domain.identity import Actor
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import bind, get_logger
from shared.runtime.sealing import Sealer, Unsealable

CAUSE = Cause(actor=Actor("function", "notifications"))
NOTHING: Mapping[str, int] = {}
log = get_logger(__name__)


class Post(Protocol):
    """The type of `safe_http.post` with its settings given."""

    def __call__(self, url: str, body: bytes, *, headers: dict[str, str]) -> Answer: ...


@dataclass(frozen=True)
class Assignment:
    """A claimed delivery and its endpoint; None if the endpoint was deleted meanwhile."""

    user_id: str
    claimed: Claimed
    endpoint: Webhook | None
    at: datetime  # when the claim was made, on the database's clock


class Courier:
    """Claims and sends deliveries of any user. Claim and mark are separate transactions: none is open while a
    message is sent.
    """

    def __init__(self, uow: UnitOfWork, sealer: Sealer, *, post: Post, draw: Callable[[], float]) -> None:
        self._uow = uow
        self._sealer = sealer
        self._post = post
        self._draw = draw

    def claim(self, user_id: str, *, running: Mapping[str, int] = NOTHING) -> Assignment | None:
        """The user's next due delivery, with a lease; None when nothing may be sent now.

        `running` is the number of attempts that the caller has under way for each recipient of the user.
        """
        with self._uow.record(user_id, CAUSE) as tx:
            assignment = _next(tx, running)
        if assignment is not None:
            failpoint("deliver:after_claim")
        return assignment

    def carry(self, assignment: Assignment) -> Result:
        """Attempt the delivery and store the result."""
        claimed = assignment.claimed
        with bind(user_id=assignment.user_id, delivery_id=str(claimed.id), event_id=str(claimed.event_id)):
            outcome = self._attempt(assignment)
            result = outcome if isinstance(outcome, Result) else self._judged(assignment, outcome)
            failpoint("deliver:after_send")
            self._mark(assignment, outcome, result)
            failpoint("deliver:after_mark")
        return result

    def _attempt(self, assignment: Assignment) -> Answer | NotDelivered | Result:
        """The answer of the endpoint, or a Result if no attempt can be made."""
        claimed, endpoint = assignment.claimed, assignment.endpoint
        if endpoint is None or endpoint.state != "enabled":
            return Result("failed", error="the endpoint was deleted or disabled")
        if claimed.attempts > MAX_ATTEMPTS:
            return Result("failed", error="every attempt was interrupted")
        return self._send(assignment, endpoint)

    def _judged(self, assignment: Assignment, outcome: Answer | NotDelivered) -> Result:
        return judge(outcome, attempts=assignment.claimed.attempts, now=assignment.at, draw=self._draw())

    def _send(self, assignment: Assignment, endpoint: Webhook) -> Answer | NotDelivered:
        try:
            secrets = self._secrets(assignment.user_id, endpoint)
        except Unsealable as error:  # the key is missing: retried, until the operator has added it again
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

    def _mark(self, assignment: Assignment, outcome: Answer | NotDelivered | Result, result: Result) -> None:
        claimed, endpoint = assignment.claimed, assignment.endpoint
        reason = endpoint and reason_to_disable(outcome, since=endpoint.unanswered_since, now=assignment.at)
        open_transaction = self._uow.write if reason else self._uow.record  # disabling is an event
        with open_transaction(assignment.user_id, CAUSE) as tx:
            if endpoint is not None:  # before the delivery: its owner's changes take the rows in this order
                _note(tx, endpoint, outcome)
            marked = Deliveries(tx).mark(claimed, result)
            if endpoint is not None and reason:
                Webhooks(tx).disable(endpoint.id, reason=reason)
                Deliveries(tx).give_up(claimed.recipient, error=reason)
        if not marked:
            log.warning("delivery was taken over", attempt=claimed.attempts)
        log.info(
            "delivery attempted",
            state=result.state,
            attempt=claimed.attempts,
            status=result.response_status,
        )


def _next(tx: Transaction, running: Mapping[str, int]) -> Assignment | None:
    deliveries = Deliveries(tx)
    if not deliveries.waiting():
        return None
    _keep_quiet(tx)
    endpoints = {str(webhook.id): webhook for webhook in Webhooks(tx).all()}
    for recipient in eligible(deliveries.waiting(), endpoints, running, tx.now):
        claimed = deliveries.claim(recipient)
        if claimed is not None:
            return Assignment(tx.user_id, claimed, endpoints.get(recipient), tx.now)
    return None


def _note(tx: Transaction, endpoint: Webhook, outcome: Answer | NotDelivered | Result) -> None:
    """Pause an endpoint that did not answer; end the pause of one that has answered."""
    if isinstance(outcome, NotDelivered) and outcome.late:
        until = tx.now + pause(endpoint.unanswered + 1)
        Webhooks(tx).pause(endpoint, until=until)
        log.info("endpoint rests", webhook_id=str(endpoint.id), until=until.isoformat())
    elif isinstance(outcome, Answer) and endpoint.unanswered:
        Webhooks(tx).answered(endpoint.id)


def _keep_quiet(tx: Transaction) -> None:
    """Postpone deliveries that became due in quiet hours: retries, and those that an outage delayed."""
    until = Accounts(tx).preferences().quiet_until(tx.now)
    if until is not None:
        Deliveries(tx).postpone(quiet_hours.EVENTS, until)
