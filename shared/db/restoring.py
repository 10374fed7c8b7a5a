"""Puts a dump into an empty database, as `owner`; called by `scripts/backup restore` and the restore drill.

The database does not have what happened after the dump, but Kafka, the clients and the consumers' offsets
do. So a restore also raises every user's counter above all tokens that clients may have, and publishes
recent events again.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from shared.db import dumps, migrate
from shared.db.dumps import DumpFailed, Manifest, Table

# More than the writes of one user between a dump and the loss, so that no token of that time is used again
# for another change. The feed begins at the new counter, so that every client reads everything once.
TOKEN_GAP = 1_000_000
# The effect of an event that was on its way during the dump may be lost, while the offset of its consumer is
# behind it. Consumers ignore events that their inbox has; it keeps them for longer than this.
REPUBLISH = timedelta(hours=24)
_CHUNK = 1 << 20  # bytes sent at once
_TABLES = """select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"""
_NO_FORCE = sql.SQL("alter table {} no force row level security")
_FORCE = sql.SQL("alter table {} force row level security")
_GAP = "update accounts set change_seq = change_seq + %(gap)s, feed_floor = change_seq + %(gap)s"
_AGAIN = """update outbox set published_at = null, next_attempt_at = null
where published_at >= %s and dead_at is null"""


def restore(dsn: str, path: Path, *, republish: timedelta = REPUBLISH) -> Manifest:
    """Load the dump at `path` into the database of `dsn`, which must hold no rows; then migrate to the end.

    All rows are loaded or none. DumpFailed, before anything changes, for an incomplete dump and for a
    database that has rows.
    """
    manifest = dumps.read(path)
    migrate.known(dsn, manifest.revision)
    _require_empty(dsn, manifest)
    migrate.upgrade(dsn, manifest.revision)
    with psycopg.connect(dsn) as connection, connection.transaction(), zipfile.ZipFile(path) as file:
        connection.execute("select set_config('statement_timeout', '0', true)")
        with _lifted(connection, manifest):
            for table in manifest.tables:
                _load(connection, file, table)
            connection.execute(_GAP, {"gap": TOKEN_GAP})
            connection.execute(_AGAIN, (datetime.fromisoformat(manifest.taken_at) - republish,))
    migrate.upgrade(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("analyze")
    return manifest


def _require_empty(dsn: str, manifest: Manifest) -> None:
    with psycopg.connect(dsn) as connection:
        if hidden := dumps.hidden(connection):
            raise DumpFailed(
                f"rows of {', '.join(hidden)} are hidden from owner: restore into a new database"
            )
        names = [str(row[0]) for row in connection.execute(_TABLES)]
        filled = [name for name in sorted(names) if _has_rows(connection, name)]
        current = migrate.current_revision(connection)
    if filled:
        raise DumpFailed(f"the database has rows in {', '.join(filled)}: restore into a new or an empty one")
    if current not in {None, manifest.revision}:
        migrate.downgrade(dsn, migrate.BASE)  # nothing is lost: it is empty


def _has_rows(connection: psycopg.Connection[Any], table: str) -> bool:
    row = connection.execute(
        sql.SQL("select exists (select from {})").format(sql.Identifier(table))
    ).fetchone()
    return bool(row and row[0])


@contextmanager
def _lifted(connection: psycopg.Connection[Any], manifest: Manifest) -> Iterator[None]:
    """In the block there is no row-level security for `owner`, because COPY FROM does not support
    policies.
    """
    for table in manifest.tables:
        connection.execute(_NO_FORCE.format(sql.Identifier(table.name)))
    yield
    for table in manifest.tables:
        connection.execute(_FORCE.format(sql.Identifier(table.name)))


def _load(connection: psycopg.Connection[Any], file: zipfile.ZipFile, table: Table) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table.name), listed)
    with (
        file.open(dumps.member(table.name)) as source,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        while block := source.read(_CHUNK):
            copy.write(block)
