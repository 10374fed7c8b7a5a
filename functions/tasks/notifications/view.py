"""Renders the messages of the in-app inbox for the API."""

from typing import Any

from shared.db.repositories.notifications import Notification
from shared.domain.webhook import short_name
from shared.events.base import plain


def render(notification: Notification) -> dict[str, Any]:
    """A message as JSON."""
    body: dict[str, Any] = plain(
        {
            "id": notification.id,
            "event": short_name(notification.event_type),
            "event_id": notification.event_id,
            "task_id": notification.task_id,
            "title": notification.title,
            "data": notification.data,
            "created_at": notification.created_at,
            "read_at": notification.read_at,
        }
    )
    return body
