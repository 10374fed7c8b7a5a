"""Dumps: one snapshot of every table as COPY text in a zip file, with a manifest. Used by `scripts/backup`.

A dump holds rows only: their tables come from the migration that the manifest names, roles and access rules
from `roles.py`. So it needs no client program, whose version would have to match the server's, and a restore
works on any later PostgreSQL (docs/decisions/0021-dumps-are-rows-at-a-revision.md).
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from psycopg import sql

from shared.db.grants import DUMPS

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20  # bytes read at once
_SNAPSHOT = "set transaction isolation level repeatable read, read only"
# A dump gives up when it waits for a lock for longer than a migration may hold one; reading has no limit.
_PATIENCE = "select set_config('statement_timeout', '0', true), set_config('lock_timeout', '30s', true)"
_COLUMNS = """
select c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'alembic_version'
  and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
group by c.relname"""
_PARENTS = """
select conrelid::regclass::text, confrelid::regclass::text from pg_constraint
where contype = 'f' and connamespace = 'public'::regnamespace and conrelid <> confrelid"""
_HIDDEN = """
select relname from pg_class c where relnamespace = 'public'::regnamespace and relforcerowsecurity
  and not exists (select from pg_policies p where p.tablename = c.relname and p.policyname = %s)
order by relname"""

Connection = psycopg.Connection[tuple[Any, ...]]


class DumpFailed(RuntimeError):
    """A dump cannot be made, or a dump file is not complete; the message says why."""


@dataclass(frozen=True)
class Table:
    """One table of a dump; `sha256` is that of its COPY text."""

    name: str
    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of a dump; `tables` are in an order in which their foreign keys can be loaded."""

    format: int
    taken_at: str  # RFC 3339
    revision: str
    server: str
    tables: tuple[Table, ...]

    @property
    def rows(self) -> Mapping[str, int]:
        """How many rows each table has, by name."""
        return {table.name: table.rows for table in self.tables}


def write(dsn: str, target: Path, *, at: datetime) -> Manifest:
    """Dump the database of `dsn` (role owner) into `target`, which appears only when it is complete."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        with (
            psycopg.connect(dsn) as connection,
            _private(partial) as out,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file,
        ):
            manifest = _write(connection, file, at)
            file.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
        if read(partial) != manifest:
            raise DumpFailed(f"{partial}: what was written cannot be read back")
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def read(path: Path) -> Manifest:
    """The manifest of a dump, after all of its bytes were checked; DumpFailed names what is wrong."""
    try:
        with zipfile.ZipFile(path) as file:
            manifest = _parsed(json.loads(file.read(MANIFEST)))
            for table in manifest.tables:
                if _measured(file, table.name) != (table.rows, table.sha256):
                    raise DumpFailed(f"{path}: the rows of {table.name} are not those that were dumped")
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise DumpFailed(f"{path} is no whole dump: {error}") from error
    return manifest


def counted(dsn: str) -> dict[str, int]:
    """Rows of every table, as `owner` sees them."""
    with psycopg.connect(dsn) as connection:
        names = sorted(str(name) for name, _ in connection.execute(_COLUMNS))
        counts = {}
        for name in names:
            row = connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(name))
            ).fetchone()
            counts[name] = int(row[0]) if row else 0
    return counts


def member(table: str) -> str:
    """The name of a table's rows inside the file."""
    return f"{table}.copy"


def hidden(connection: Connection) -> list[str]:
    """Tables whose rows `owner` cannot see, because the database still has access rules without dumps."""
    return [str(row[0]) for row in connection.execute(_HIDDEN, (DUMPS,))]


def _write(connection: Connection, file: zipfile.ZipFile, at: datetime) -> Manifest:
    connection.execute(_SNAPSHOT)
    connection.execute(_PATIENCE)
    if unseen := hidden(connection):
        raise DumpFailed(f"rows of {', '.join(unseen)} are hidden from owner: run `scripts/migrate up` first")
    row = connection.execute("select version_num, current_setting('server_version') from alembic_version")
    revision, server = row.fetchone() or ("", "")
    columns = {str(name): tuple(found) for name, found in connection.execute(_COLUMNS)}
    tables = [_copy(connection, file, name, columns[name]) for name in _load_order(connection, columns)]
    return Manifest(FORMAT, at.isoformat(), revision, server, tuple(tables))


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else reads from its first byte on."""
    path.unlink(missing_ok=True)  # left behind by a dump that was killed
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _load_order(connection: Connection, tables: Mapping[str, Any]) -> list[str]:
    parents: dict[str, set[str]] = {name: set() for name in sorted(tables)}
    for child, parent in connection.execute(_PARENTS):
        parents[child].add(parent)
    return list(TopologicalSorter(parents).static_order())


def _copy(connection: Connection, file: zipfile.ZipFile, name: str, columns: Sequence[str]) -> Table:
    digest, rows = hashlib.sha256(), 0
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) to stdout").format(sql.Identifier(name), listed)
    with (
        file.open(member(name), "w", force_zip64=True) as out,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        for data in copy:
            block = bytes(data)
            out.write(block)
            digest.update(block)
            rows += block.count(b"\n")  # a line end inside a value is escaped
    return Table(name, tuple(columns), rows, digest.hexdigest())


def _measured(file: zipfile.ZipFile, name: str) -> tuple[int, str]:
    digest, rows = hashlib.sha256(), 0
    with file.open(member(name)) as source:
        while block := source.read(_CHUNK):
            digest.update(block)
            rows += block.count(b"\n")
    return rows, digest.hexdigest()


def _parsed(found: dict[str, Any]) -> Manifest:  # JSON
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']}, this version of the code reads {FORMAT}")
    tables = (Table(**{**one, "columns": tuple(one["columns"])}) for one in found["tables"])
    return Manifest(**{**found, "tables": tuple(tables)})
