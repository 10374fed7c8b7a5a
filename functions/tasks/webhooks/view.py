"""Renders webhook endpoints and their deliveries for the API."""

from typing import Any

from functions.tasks.webhooks.verbs import Shown
from shared.db.repositories.deliveries import Delivery
from shared.domain.webhook import short_name
from shared.events.base import plain


def render(shown: Shown) -> dict[str, Any]:
    """The endpoint as JSON."""
    found = shown.webhook
    body = {"id": found.id, **found.public(), "paused_until": found.paused_until, "version": found.version}
    body |= {"created_at": found.created_at, "updated_at": found.updated_at}
    if shown.secret is not None:
        body["secret"] = shown.secret
    rendered: dict[str, Any] = plain(body)
    return rendered


def render_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery as JSON: its attempts and the time of the next one, but not the body of the endpoint's
    answer.
    """
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
