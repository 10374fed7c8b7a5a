"""Every revision keeps the rows on the way up, down and up again, whatever values its tables allow.

Generic over the revisions: rows are made from what the catalogue says at each of them. A column that a
revision drops is the only thing that may be lost, and what a way down must rewrite is named in `REWRITTEN`.
"""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import Jsonb

from shared.db import migrate, roles
from shared.db.schema import metadata
from tests.integration.shared.db.conftest import AT, insert, sample

REVISIONS = [
    (script.revision, script.down_revision)
    for script in reversed(list(ScriptDirectory.from_config(migrate.config("")).walk_revisions()))
    if script.down_revision
]
# (revision, table, column) → why the older revision cannot have the value.
REWRITTEN = {
    ("0005", "occurrences", "outcome"): "an occurrence whose task was purged can only be called missed",
}
VALUES: dict[str, Any] = {
    "text": "x", "uuid": uuid.UUID(int=9), "timestamptz": AT, "timestamp": AT.replace(tzinfo=None),
    "int2": 1, "int4": 1, "int8": 1, "bool": True, "jsonb": Jsonb({"a": 1}), "_text": ["a", "ä"],
    "bytea": b"b",
}  # fmt: skip
_COLUMNS = """
select table_name::text, column_name::text, udt_name::text, is_nullable = 'YES'
from information_schema.columns where table_schema = 'public' and table_name <> 'alembic_version'"""
_CHECKS = """
select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint
where contype = 'c' and connamespace = 'public'::regnamespace"""
_CHOICE = re.compile(r"\((\w+) = ANY \(ARRAY\[(.+?)\]\)")
Connection = psycopg.Connection[Any]
Tables = dict[str, dict[str, tuple[str, bool]]]  # table → column → (type, nullable)


@pytest.fixture
def own(dsns) -> Iterator[tuple[str, Connection]]:
    """A database without tables: the owner's DSN, and the administrator (who passes row-level security)."""
    name = f"rows_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:
        roles.ensure_database(admin, name)
        info = conninfo_to_dict(dsns["admin"]) | {"dbname": name}
        with psycopg.connect(make_conninfo("", **info), autocommit=True) as connection:
            yield make_conninfo(dsns["owner"], dbname=name), connection
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def tables_of(connection: Connection) -> Tables:
    found: Tables = {}
    for table, column, kind, nullable in connection.execute(_COLUMNS):
        found.setdefault(table, {})[column] = (kind, nullable)
    return found


def choices_of(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """(table, column) → the values that a check constraint lists."""
    return {
        (table, column): re.findall(r"'([^']*)'", listed)
        for table, definition in connection.execute(_CHECKS)
        for column, listed in _CHOICE.findall(definition)
    }


def variants(
    tables: Tables, choices: dict[tuple[str, str], list[str]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, what differs from its sample): every listed value, null and something in every nullable column,
    and every pair of the two, since constraints tie them to one another.
    """
    for table, columns in tables.items():
        listed = [{column: v} for (of, column), values in choices.items() if of == table for v in values]
        optional = [
            {column: value}
            for column, (kind, nullable) in columns.items()
            if nullable and (table, column) not in choices
            for value in (None, VALUES[kind])
        ]
        changes = [{}, *listed, *optional, *(one | other for one in listed for other in optional)]
        yield from ((table, change) for change in changes)


def ancestors(table: str) -> list[str]:
    """The tables whose rows a row of `table` needs, parents first, itself last."""
    needed = {key.column.table.name for key in metadata.tables[table].foreign_keys} - {table}
    found: list[str] = []
    for parent in sorted(needed):
        found += [name for name in ancestors(parent) if name not in found]
    return [*found, table]


def fill(connection: Connection, prefix: str) -> int:
    """One user for each variant; rows that a constraint refuses are no rows of this revision."""
    tables, refused, made = tables_of(connection), 0, 0
    for number, (table, change) in enumerate(variants(tables, choices_of(connection))):
        user = f"{prefix}-{number}"
        try:
            with connection.transaction():
                for name in ancestors(table):
                    row = {c: v for c, v in sample(user)[name].items() if c in tables[name]}
                    connection.execute(*insert(name, row | change if name == table else row))
            made += 1
        except (psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation):
            assert change, f"the plain row of {table} is no row of this revision"
            refused += 1
    assert refused < made / 2, "most rows were refused: the samples do not fit this revision"
    return made


def snapshot(connection: Connection, tables: Tables, prefix: str) -> dict[str, list[Any]]:
    """table → rows of the users of `prefix` as JSON, in the columns of `tables`."""
    return {
        table: [
            {column: row[column] for column in columns}
            for (row,) in connection.execute(
                sql.SQL(
                    'select to_jsonb(t) from {} t where user_id like %s order by t::text collate "C"'
                ).format(sql.Identifier(table)),
                (f"{prefix}-%",),
            )
        ]
        for table, columns in tables.items()
    }


def common(one: Tables, other: Tables) -> Tables:
    return {
        table: {column: columns[column] for column in columns if column in other[table]}
        for table, columns in one.items()
        if table in other
    }


def ordered(
    rows: dict[str, list[Any]], *, without: set[tuple[str, str]] = frozenset()
) -> dict[str, list[str]]:
    """Comparable, whatever order the rows came in."""
    return {
        table: sorted(repr({c: v for c, v in row.items() if (table, c) not in without}) for row in found)
        for table, found in rows.items()
    }


@pytest.mark.parametrize(("revision", "before"), REVISIONS, ids=[revision for revision, _ in REVISIONS])
def test_up_down_up_keeps_the_rows(own, revision, before):
    dsn, connection = own
    migrate.upgrade(dsn, before)
    old_tables = tables_of(connection)
    fill(connection, "old")
    old = snapshot(connection, old_tables, "old")

    migrate.upgrade(dsn, revision)
    new_tables = tables_of(connection)
    shared = common(old_tables, new_tables)
    assert ordered(snapshot(connection, shared, "old")) == ordered(
        {table: [{c: row[c] for c in shared[table]} for row in old[table]] for table in shared}
    )
    raised = snapshot(connection, new_tables, "old")
    fill(connection, "new")
    new = snapshot(connection, shared, "new")
    rewritten = {(table, column) for at, table, column in REWRITTEN if at == revision}

    migrate.downgrade(dsn, before)
    assert ordered(snapshot(connection, old_tables, "old")) == ordered(old)
    assert ordered(snapshot(connection, shared, "new"), without=rewritten) == ordered(new, without=rewritten)

    migrate.upgrade(dsn, revision)
    assert ordered(snapshot(connection, new_tables, "old")) == ordered(raised)
    assert ordered(snapshot(connection, shared, "new"), without=rewritten) == ordered(new, without=rewritten)


def test_what_a_way_down_rewrites_is_of_a_revision_that_there_is():
    assert {revision for revision, _, _ in REWRITTEN} <= {revision for revision, _ in REVISIONS}


def test_every_table_has_a_sample(user_id):
    assert set(sample(user_id)) == set(metadata.tables)
