"""All SQL about the series of one user and their occurrences."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db.columns import Columns, assigned, excluded, insert, listed, without
from shared.db.transaction import Transaction
from shared.domain.errors import NotFound
from shared.domain.series import Occurrence, Series
from shared.domain.versions import Versions, check_version

_SERIES: Columns = (
    "id", "kind", "rule", "mode", "value_type", "anchor", "timezone", "exdates", "rdates", "state",
    "state_reason", "emitted_count", "successor_id", "ends_before", "template", "version", "created_at",
    "updated_at",
)  # fmt: skip
STORED: Columns = ("user_id", *_SERIES, "change_seq")
_SELECT = f"select {listed(_SERIES)} from series where user_id = %s"
_INSERT = insert("series", STORED)
_UPDATE = f"""update series set {assigned(without(STORED, "user_id", "id", "created_at", "version"))},
  version = version + 1
where user_id = %(user_id)s and id = %(id)s"""
_OCCURRENCE: Columns = (
    "series_id", "key", "outcome", "task_id", "ordinal", "after_key", "emitted_count", "skip_missed",
    "created_at",
)  # fmt: skip
STORED_OCCURRENCE: Columns = ("user_id", *_OCCURRENCE)
_OCCURRENCES = f"select {listed(_OCCURRENCE)} from occurrences where user_id = %s and series_id = %s"
_OPEN = f"""{insert("occurrences", STORED_OCCURRENCE)}
on conflict (user_id, series_id, key) do update
  set {excluded(without(_OCCURRENCE, "series_id", "key"))} where occurrences.outcome = 'missed'"""


class AllSeries:
    """The series of the transaction's user."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def lock(self, series_id: UUID, *, versions: Versions = None) -> Series:
        """The series, locked until the end of the transaction. NotFound if there is none;
        PreconditionFailed unless it is at one of `versions`.
        """
        series = self._find(series_id, "for update")
        check_version("series", series.version, versions)
        return series

    def lock_all(self, series_ids: Sequence[UUID]) -> dict[UUID, Series]:
        """These series by id, locked until the end of the transaction, always in the same order."""
        found = self._tx.fetch(
            Series,
            f"{_SELECT} and id = any(%s) order by id for update",
            (self._tx.user_id, list(series_ids)),
        )
        return {series.id: series for series in found}

    def open_tasks(self, series_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """The task of the open occurrence of each of these series."""
        found = self._tx.execute(
            """select series_id, task_id from occurrences
               where user_id = %s and series_id = any(%s) and outcome = 'open'""",
            (self._tx.user_id, list(series_ids)),
        )
        return dict(found.fetchall())

    def get(self, series_id: UUID) -> Series:
        """The series; `NotFound` when it is missing or another user's."""
        return self._find(series_id)

    def predecessor(self, series_id: UUID) -> Series | None:
        """The series that this one was split from."""
        return self._tx.fetch_one(
            Series,
            f"{_SELECT} and successor_id = %s",
            (self._tx.user_id, series_id),
        )

    def add(self, series: Series) -> None:
        """Insert a new series."""
        self._tx.execute(_INSERT, self._row(series))

    def save(self, series: Series) -> None:
        """Write every field of `series` as its next version."""
        self.save_all([series])

    def save_all(self, series: Sequence[Series]) -> None:
        """As `save` for all of them, in as many round trips as for one."""
        rows = [self._row(each) | {"updated_at": self._tx.now} for each in series]
        self._tx.execute_all(_UPDATE, rows)

    def _find(self, series_id: UUID, locking: LiteralString = "") -> Series:
        series = self._tx.fetch_one(
            Series,
            f"{_SELECT} and id = %s {locking}",
            (self._tx.user_id, series_id),
        )
        if series is None:
            raise NotFound(f"There is no series {series_id}.", code="series_not_found")
        return series

    def _row(self, series: Series) -> dict[str, object]:
        return vars(series) | {
            "user_id": self._tx.user_id,
            "change_seq": self._tx.change_seq,
            "template": Jsonb(dict(series.template)),
        }


class Occurrences:
    """The occurrences of one series of the transaction's user."""

    def __init__(self, tx: Transaction, series_id: UUID) -> None:
        self._tx = tx
        self._scope = (tx.user_id, series_id)

    def get(self, key: str) -> Occurrence | None:
        """The occurrence with that key."""
        return self._one("key = %s", key)

    def open(self) -> Occurrence | None:
        """The open occurrence: at most one, by a unique index."""
        return self._one("outcome = 'open'")

    def following(self, key: str) -> Occurrence | None:
        """The occurrence that was created when `key` ended."""
        return self._one("after_key = %s and outcome <> 'missed'", key)

    def last_ended(self) -> Occurrence | None:
        """The newest occurrence that was done or skipped."""
        return self._one("outcome in ('done', 'skipped') order by ordinal desc limit 1")

    def newest(self) -> Occurrence | None:
        """The newest occurrence, whatever its outcome."""
        return self._one("true order by ordinal desc limit 1")

    def page(self, *, limit: int, before: int | None = None) -> list[Occurrence]:
        """The newest occurrences first, those with an ordinal below `before`."""
        return self._tx.fetch(
            Occurrence,
            f"""{_OCCURRENCES} and (%s::int is null or ordinal < %s::int)
                order by ordinal desc limit %s""",
            (*self._scope, before, before, limit),
        )

    def add_open(self, occurrence: Occurrence) -> bool:
        """Insert the open occurrence; False when there is one with that key that was not missed.

        A second open occurrence of the series violates uq_occurrences_open. That is a bug: every expansion
        locks the row of the series first.
        """
        user_id, series_id = self._scope
        row = vars(occurrence) | {"user_id": user_id, "series_id": series_id, "outcome": "open"}
        return self._tx.execute(_OPEN, row).rowcount == 1

    def add_missed(self, keys: Sequence[str], *, first_ordinal: int, after_key: str | None) -> None:
        """Record the occurrences that were missed before the next one, oldest first."""
        if keys:
            self._tx.execute(
                """insert into occurrences
                     (user_id, series_id, key, outcome, task_id, ordinal, after_key, created_at)
                   select %s, %s, k.key, 'missed', null, %s + k.n - 1, %s, %s
                   from unnest(%s::text[]) with ordinality as k(key, n)
                   on conflict (user_id, series_id, key) do nothing""",
                (*self._scope, first_ordinal, after_key, self._tx.now, list(keys)),
            )

    def set_outcome(self, key: str, outcome: str, *, skip_missed: bool = False) -> None:
        """Set the outcome of an occurrence that has a task."""
        self._tx.execute(
            """update occurrences set outcome = %s, skip_missed = %s
               where user_id = %s and series_id = %s and key = %s""",
            (outcome, skip_missed, *self._scope, key),
        )

    def rekey(self, old: str, new: str, *, emitted_count: int) -> None:
        """Give an occurrence its key and count under a new rule; its `after_key` becomes null."""
        self._tx.execute(
            """update occurrences set key = %s, emitted_count = %s, after_key = null
               where user_id = %s and series_id = %s and key = %s""",
            (new, emitted_count, *self._scope, old),
        )

    def withdraw_after(self, key: str) -> None:
        """Remove what the end of `key` brought: the next occurrence and those passed over."""
        self._tx.execute(
            "delete from occurrences where user_id = %s and series_id = %s and after_key = %s",
            (*self._scope, key),
        )

    def clear(self) -> None:
        """Remove the whole record; for a successor whose beginning is undone."""
        self._tx.execute("delete from occurrences where user_id = %s and series_id = %s", self._scope)

    def remove(self, key: str) -> None:
        """Remove one occurrence from the record."""
        self._tx.execute(
            "delete from occurrences where user_id = %s and series_id = %s and key = %s", (*self._scope, key)
        )

    def _one(self, condition: LiteralString, *params: object) -> Occurrence | None:
        return self._tx.fetch_one(
            Occurrence,
            f"{_OCCURRENCES} and {condition}",
            (*self._scope, *params),
        )
