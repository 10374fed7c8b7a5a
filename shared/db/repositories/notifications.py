"""All SQL about the in-app inbox of one user: `notifications` fills it, `tasks` shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, insert, listed, without
from shared.db.uow import Transaction
from shared.domain.errors import NotFound
from shared.domain.identity import uuid7

_NOTIFICATION: Columns = (
    "id", "event_id", "event_type", "task_id", "title", "data", "created_at", "read_at",
)  # fmt: skip
STORED: Columns = ("user_id", *_NOTIFICATION)
_INSERT = f"""{insert("notifications", without(STORED, "read_at"))}
on conflict (user_id, event_id) do nothing"""
_MINE = f"""select {listed(_NOTIFICATION)} from notifications where user_id = %(user_id)s
  and (%(at)s::timestamptz is null or (created_at, id) < (%(at)s, %(last)s::uuid))"""
_NEWEST = "order by created_at desc, id desc limit %(limit)s"
_ALL = f"{_MINE} {_NEWEST}"
_UNREAD = f"{_MINE} and read_at is null {_NEWEST}"  # has its own index, without the read ones


@dataclass(frozen=True)
class Notification:
    """One message in the inbox."""

    id: UUID
    event_id: UUID
    event_type: str
    task_id: UUID | None
    title: str
    data: dict[str, Any]  # JSON
    created_at: datetime
    read_at: datetime | None


class Notifications:
    """The inbox of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(
        self, event_id: UUID, *, event_type: str, task_id: UUID | None, title: str, data: Mapping[str, Any]
    ) -> None:
        """Insert a message; nothing happens if there is one of this event already."""
        values = {"event_id": event_id, "event_type": event_type, "task_id": task_id, "title": title}
        identity = {"user_id": self._tx.user_id, "id": uuid7(self._tx.now), "created_at": self._tx.now}
        self._tx.execute(_INSERT, {**values, **identity, "data": Jsonb(dict(data))})

    def newest(self, *, unread: bool, before: tuple[datetime, UUID] | None, limit: int) -> list[Notification]:
        """Newest first, those before (created_at, id) if given; only unread ones if asked for."""
        at, last = before or (None, None)
        values = {"user_id": self._tx.user_id, "at": at, "last": last, "limit": limit}
        return self._tx.fetch(Notification, _UNREAD if unread else _ALL, values)

    def mark_read(self, notification_id: UUID) -> Notification:
        """Mark as read; one that is read already keeps its time. NotFound if there is none."""
        sql = (
            "update notifications set read_at = coalesce(read_at, %s) where user_id = %s and id = %s"
            f" returning {listed(_NOTIFICATION)}"
        )
        found = self._tx.fetch_one(Notification, sql, (self._tx.now, self._tx.user_id, notification_id))
        if found is None:
            raise NotFound(f"There is no notification {notification_id}.", code="notification_not_found")
        return found
