"""All SQL about daily digests: which users have one due, and the content of one user's.
Called by `notifications`; the hour itself is a setting, see `accounts`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.db.transaction import Transaction
from shared.domain.digest import TITLES
from shared.domain.preferences import Preferences

TYPE_CHECKING = False
if TYPE_CHECKING:  # it brings the time zones, which only a digest needs
    from shared.domain.due import Kind

_OPEN = "user_id = %(user_id)s and status = 'open' and deleted_at is null and due_sort < %(end)s"


@dataclass(frozen=True)
class DigestTask:
    """The columns of a task that a digest shows."""

    id: UUID
    title: str
    due_kind: "Kind"
    due_wall: datetime
    due_at: datetime | None

    @property
    def due(self) -> str:
        """As the API writes it."""
        from shared.domain.due import Due

        return Due(self.due_kind, self.due_wall).text()


@dataclass(frozen=True)
class Content:
    """How many open tasks are due on the day and before it, and the first of them."""

    today: int
    overdue: int
    tasks: list[DigestTask]


@dataclass(frozen=True)
class DueDigest:
    """A user whose digest is due since `next_digest_at`."""

    user_id: str
    next_digest_at: datetime


class DueDigests:
    """The users whose digest is due (role `consumer`, no user set)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def page(self, *, after: DueDigest | None, limit: int) -> list[DueDigest]:
        """The longest waiting first, those behind `after`, so that a user whose digest failed is not
        repeated.
        """
        last = after or DueDigest("", datetime.min.replace(tzinfo=UTC))
        return self._tx.fetch(
            DueDigest,
            """select user_id, next_digest_at from accounts
               where next_digest_at <= %s and (next_digest_at, user_id) > (%s, %s)
               order by next_digest_at, user_id limit %s""",
            (self._tx.now, last.next_digest_at, last.user_id, limit),
        )


class Digests:
    """The digest of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def take(self) -> Preferences | None:
        """The user's settings, locked until commit; None when no digest is due or another process has it."""
        row = self._tx.execute(
            """select timezone, settings from accounts where user_id = %s and next_digest_at <= %s
               for no key update skip locked""",
            (self._tx.user_id, self._tx.now),
        ).fetchone()
        return Preferences.stored(row[0], row[1]) if row else None

    def content(self, start: datetime, end: datetime) -> Content:
        """The content for the day from `start` to `end`; an all-day task counts from its local start."""
        values = {"user_id": self._tx.user_id, "start": start, "end": end, "limit": TITLES}
        counted = self._tx.execute(
            f"""select count(*) filter (where due_sort >= %(start)s),
                  count(*) filter (where due_sort < %(start)s)
                from tasks where {_OPEN}""",
            values,
        ).fetchone()
        assert counted is not None
        tasks = self._tx.fetch(
            DigestTask,
            f"select id, title, due_kind, due_wall, due_at from tasks where {_OPEN}"
            " order by due_sort, id limit %(limit)s",
            values,
        )
        return Content(counted[0], counted[1], tasks)
