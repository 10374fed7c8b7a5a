"""SQL of the change feed: the tasks that changed after a change token. Called by `updates`, which reads for
all its connected users in one transaction and one round trip.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from shared.db.connection import pipelined
from shared.db.uow import Transaction

_Row = tuple[Any, ...]
_Cursor = psycopg.Cursor[_Row]
_IDENTITY = "select set_config('app.user_id', %s, true)"
_STATE = "select change_seq, feed_floor from accounts where user_id = %s"
# WITH TIES: all rows of one transaction have the same token, and must be read together.
_CHANGES = """
select id, version, change_seq, last_change from tasks where user_id = %s and change_seq > %s
order by change_seq fetch first 500 rows with ties"""


@dataclass(frozen=True)
class Change:
    """The latest change of one task: several since the token count as one."""

    task_id: UUID
    version: int
    token: int
    kind: str  # created, updated, completed …


@dataclass(frozen=True)
class Slice:
    """The changes after a token. `lost`: the token is too old, so that changes may be missing."""

    user_id: str
    token: int  # the newest of the feed
    changes: tuple[Change, ...] = ()
    lost: bool = False


class Feed:
    """The change feeds of several users: needs a sweep, and acts as each of its users in turn."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def read(self, positions: Sequence[tuple[str, int | None]]) -> list[Slice]:
        """A slice for each (user, token), in one round trip; token None asks for the newest token only."""
        with pipelined(self._tx.connection):
            cursors = [self._ask(user_id, token) for user_id, token in positions]
        return [
            _slice(user_id, token, state=state.fetchone(), rows=changes.fetchall() if changes else [])
            for (user_id, token), (state, changes) in zip(positions, cursors, strict=True)
        ]

    def _ask(self, user_id: str, token: int | None) -> tuple[_Cursor, _Cursor | None]:
        self._tx.execute(_IDENTITY, (user_id,))
        state = self._tx.execute(_STATE, (user_id,))
        return state, None if token is None else self._tx.execute(_CHANGES, (user_id, token))


def _slice(user_id: str, token: int | None, *, state: _Row | None, rows: Iterable[_Row]) -> Slice:
    now, floor = state or (0, 0)
    if token is not None and not floor <= token <= now:
        return Slice(user_id, now, lost=True)
    changes = tuple(Change(*row) for row in rows)
    # Every statement sees what was committed before it began, so a change may be newer than `state`.
    return Slice(user_id, changes[-1].token if changes else now, changes)
