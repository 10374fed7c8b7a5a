"""Runs the migrations as role `owner`, for `scripts/migrate`, the local platform, restores and tests.

After the last revision the access rules of `grants.py` are applied again whenever they differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from shared.db import dumps

BASE = "base"
_LOCATION = Path(__file__).with_name("migrations")
_COLUMNS = """select table_name, column_name from information_schema.columns
where table_schema = 'public' and table_name <> 'alembic_version'"""


class UnknownRevision(RuntimeError):
    """There is no such migration."""


@dataclass(frozen=True)
class Revision:
    """One migration: its number and the first line of its docstring."""

    number: str
    title: str


@dataclass(frozen=True)
class State:
    """Where a database stands; `current` is None before the first migration."""

    current: str | None
    newest: str
    pending: tuple[Revision, ...]

    @property
    def ahead(self) -> bool:
        """The database is newer than this code, which runs on it: migrations only expand."""
        return self.current is not None and self.current > self.newest


@dataclass(frozen=True)
class Loss:
    """What a downgrade drops: a table, or a column of one that stays; `rows` None: hidden from `owner`."""

    table: str
    column: str | None
    rows: int | None


class _Rehearsed(Exception):
    """Ends a downgrade that was only tried."""


def upgrade(dsn: str, revision: str = "head") -> None:
    """Bring the database up to `revision`, in one transaction; concurrent calls wait for one another."""
    command.upgrade(config(dsn), revision)


def downgrade(dsn: str, revision: str) -> None:
    """Go back to `revision` ("base" drops everything)."""
    command.downgrade(config(dsn), revision)


def state(dsn: str) -> State:
    """Where the database stands, and what is still to come; UnknownRevision when its revision is not ours."""
    script = ScriptDirectory.from_config(config(dsn))
    with psycopg.connect(dsn) as connection:
        current = current_revision(connection)
    newest = script.get_current_head() or BASE
    if current is not None and current > newest:
        return State(current, newest, ())
    known(dsn, current or BASE)
    found = [*script.iterate_revisions(newest, current or BASE)]
    pending = (Revision(one.revision, (one.doc or "").strip()) for one in reversed(found))
    return State(current, newest, tuple(pending))


def known(dsn: str, revision: str) -> None:
    """UnknownRevision unless `revision` is "base" or one of ours."""
    numbers = {one.revision for one in ScriptDirectory.from_config(config(dsn)).walk_revisions()}
    if revision != BASE and revision not in numbers:
        raise UnknownRevision(f"no migration {revision}; there are {', '.join(sorted(numbers))} and {BASE}")


def current_revision(connection: psycopg.Connection[Any]) -> str | None:
    """The revision of the database behind `connection`."""
    if connection.execute("select to_regclass('public.alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else None


def losses(dsn: str, revision: str) -> list[Loss]:
    """What going back to `revision` would drop. It is done and undone in one transaction: nobody sees it, but
    it waits for the tables' locks as the real one does.
    """
    with psycopg.connect(dsn) as connection:
        before = set(connection.execute(_COLUMNS).fetchall())
    after: set[tuple[Any, ...]] = set()

    def look(migrated: Any) -> None:  # SQLAlchemy's connection, which only env.py and schema.py know
        after.update(tuple(row) for row in migrated.exec_driver_sql(_COLUMNS))
        raise _Rehearsed

    tried = config(dsn)
    tried.attributes["finally"] = look
    try:
        command.downgrade(tried, revision)
    except _Rehearsed:
        return _counted(dsn, before - after, kept={table for table, _ in after})
    return []  # there was nothing to undo


def _counted(dsn: str, gone: Iterable[tuple[Any, ...]], *, kept: set[str]) -> list[Loss]:
    wanted = sorted({(table, column if table in kept else "") for table, column in gone})
    with psycopg.connect(dsn) as connection:
        hidden = dumps.hidden(connection)
        found = []
        for table, column in wanted:
            counted = sql.SQL("select count({}) from {}").format(
                sql.Identifier(column) if column else sql.SQL("*"), sql.Identifier(table)
            )
            row = None if table in hidden else connection.execute(counted).fetchone()
            found.append(Loss(table, column or None, row[0] if row else None))
    return found


def config(dsn: str) -> Config:
    """Alembic's configuration without a file, so that the working directory does not matter."""
    found = Config()
    found.set_main_option("script_location", str(_LOCATION).replace("%", "%%"))
    found.set_main_option("path_separator", "os")
    found.attributes["dsn"] = dsn
    return found
