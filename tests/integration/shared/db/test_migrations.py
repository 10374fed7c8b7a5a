"""Migrations: what they build is what schema.py describes, and they can be undone and redone."""

import uuid

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import NullPool, create_engine

from shared.db import migrate, roles
from shared.db.schema import metadata
from shared.domain.text import fold

_CATALOG = """
select 'column', table_name, column_name, data_type, is_nullable, column_default
from information_schema.columns where table_schema = 'public' and table_name <> 'alembic_version'
union all
select 'index', tablename, indexname, indexdef, null, null from pg_indexes
where schemaname = 'public' and tablename <> 'alembic_version'
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), null, null
from pg_constraint
where connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'alembic_version'
union all
select 'policy', tablename, policyname, cmd, qual, with_check from pg_policies
union all
select 'grant', relname, relacl::text, null, null, null from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version'
order by 1, 2, 3, 4"""


@pytest.fixture
def empty(dsns):
    """The owner's DSN of a database without tables."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:
        roles.ensure_database(admin, name)
        yield make_conninfo(dsns["owner"], dbname=name)
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def catalog(dsn):
    with psycopg.connect(dsn) as connection:
        return connection.execute(_CATALOG).fetchall()


def tables(dsn):
    with psycopg.connect(dsn) as connection:
        return {
            row[0]
            for row in connection.execute("select tablename from pg_tables where schemaname = 'public'")
        }


def engine(dsn):
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)


def test_the_migrated_database_is_what_the_schema_describes(dsns):
    with engine(dsns["owner"]).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_server_default": True, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_fresh_tables_and_migrated_tables_have_one_catalog(empty, dsns):
    """compare_metadata overlooks check constraints, index expressions and NULLS NOT DISTINCT."""
    with engine(empty).begin() as connection:
        metadata.create_all(connection)
        for statement in roles.access_statements(table.name for table in metadata.sorted_tables):
            connection.exec_driver_sql(statement)
    assert catalog(empty) == catalog(dsns["owner"])


def test_up_down_up(empty):
    migrate.upgrade(empty)
    first = catalog(empty)
    migrate.downgrade(empty, "base")
    assert tables(empty) == {"alembic_version"}
    migrate.upgrade(empty)
    assert catalog(empty) == first


_TASK = """
insert into tasks (user_id, id, title, status, priority, tags, position, due_sort, change_seq, last_change,
  created_at, updated_at)
values (%s, gen_random_uuid(), %s, 'open', 4, %s, 'a0', 'infinity', 1, 'created', now(), now())"""


def test_rows_are_folded_on_the_way_up_and_kept_on_the_way_down(empty, dsns):
    names = make_conninfo(dsns["admin"], dbname=conninfo_to_dict(empty)["dbname"])
    migrate.upgrade(empty, "0003")
    rows = [(f"user-{i % 3}", f"Ärger {i:04}", ["Straße", "A\u0308RZTE"]) for i in range(2_300)]  # some pages
    with psycopg.connect(names) as connection:
        connection.cursor().executemany(_TASK, rows)
    for _ in range(2):
        migrate.upgrade(empty)
        with psycopg.connect(names) as connection:
            found = connection.execute(
                "select user_id, title, title_folded, tags, tags_folded from tasks order by title"
            ).fetchall()
            forced = connection.execute("select relforcerowsecurity from pg_class where relname = 'tasks'")
            assert forced.fetchone() == (True,)
        assert found == [(user, title, fold(title), tags, ["strasse", "ärzte"]) for user, title, tags in rows]
        migrate.downgrade(empty, "0003")
    with psycopg.connect(names) as connection:
        kept = connection.execute("select user_id, title, tags from tasks order by title").fetchall()
    assert kept == rows


def test_a_second_upgrade_changes_nothing(empty):
    migrate.upgrade(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("lock table tasks in access share mode")
        migrate.upgrade(empty)  # would wait for an exclusive lock if it touched the policies again


def test_access_rules_that_drifted_are_repaired_when_the_rules_change(empty):
    migrate.upgrade(empty)
    wanted = catalog(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("grant delete on audit_entries to api")
        connection.execute("comment on table alembic_version is 'rules of an older version'")
    assert catalog(empty) != wanted
    migrate.upgrade(empty)
    assert catalog(empty) == wanted


def test_the_working_directory_does_not_matter(empty, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    migrate.upgrade(empty)
    assert "tasks" in tables(empty)


def test_roles_can_be_made_by_an_administrator_that_is_no_superuser(dsns):
    name, database = f"admin_{uuid.uuid4().hex[:8]}", f"managed_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(dsns["admin"], autocommit=True) as superuser:
        made = sql.Identifier(name)
        superuser.execute(sql.SQL("create role {} login createrole createdb password 'x'").format(made))
        for role in roles.ROLES:
            superuser.execute(sql.SQL("grant {} to {} with admin option").format(sql.Identifier(role), made))
        passwords = {role: psycopg.conninfo.conninfo_to_dict(dsns[role])["password"] for role in roles.ROLES}
        with psycopg.connect(dsns["admin"], user=name, password="x", autocommit=True) as admin:
            roles.ensure_roles(admin, passwords)
            roles.ensure_roles(admin, passwords)
            roles.ensure_database(admin, database)
            roles.ensure_database(admin, database)
        migrate.upgrade(make_conninfo(dsns["owner"], dbname=database))
        assert "tasks" in tables(make_conninfo(dsns["owner"], dbname=database))
        superuser.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))
        superuser.execute(sql.SQL("drop owned by {0}; drop role {0}").format(made))


def test_a_role_that_steps_over_row_level_security_is_refused(dsns):
    with psycopg.connect(dsns["admin"]) as admin:
        admin.execute("alter role ticker bypassrls")
        passwords = {role: psycopg.conninfo.conninfo_to_dict(dsns[role])["password"] for role in roles.ROLES}
        with pytest.raises(roles.UnsafeRole, match="ticker"):
            roles.ensure_roles(admin, passwords)
        admin.rollback()
