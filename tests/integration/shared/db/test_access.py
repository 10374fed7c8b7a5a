"""Who can reach what: the catalogue against `grants.py`, and the wall between users for every table."""

import re

import psycopg
import pytest
from psycopg import sql

from shared.db.grants import APP_ROLES, GRANTS, SWEEPS
from shared.db.schema import metadata
from shared.db.uow import UnitOfWork
from tests.integration.shared.db.conftest import AT, act_as, insert, sample

TABLES = sorted(table.name for table in metadata.sorted_tables)
USER_TABLES = [name for name in TABLES if "user_id" in metadata.tables[name].columns]
PAIRS = [(role, table) for role in APP_ROLES for table in sorted(GRANTS[role])]
INSUFFICIENT = psycopg.errors.InsufficientPrivilege


def expanded(words):
    """{(privilege, column or None)} of "select, update (a, b)"."""
    found = set()
    for privilege, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?(?:, |$)", words):
        found |= {(privilege, c.strip()) for c in columns.split(",")} if columns else {(privilege, None)}
    return found


# --- the catalogue


def test_every_table_holds_a_users_rows():
    assert USER_TABLES == TABLES


def test_every_table_forces_row_level_security_with_the_own_rows_policy(connect):
    found = connect("owner").execute(
        """select relname, relrowsecurity and relforcerowsecurity,
             exists (select from pg_policies p where tablename = relname and policyname = 'own_rows'
               and cmd = 'ALL' and qual is not null and with_check is not null)
           from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
             and relname <> 'alembic_version' order by relname"""
    )
    assert found.fetchall() == [(table, True, True) for table in TABLES]


def test_other_policies_are_exactly_the_sweeps(connect):
    found = connect("owner").execute(
        """select roles[1]::text, tablename::text, lower(cmd) from pg_policies
           where schemaname = 'public' and policyname not in ('own_rows', 'dumps')"""
    )
    assert set(found) == {(s.role, s.table, command) for s in SWEEPS for command in s.commands}


def test_only_the_owner_reads_dumps_and_only_without_a_user(connect, filled, intruder):
    found = connect("owner").execute(
        "select tablename::text, roles[1]::text, cmd from pg_policies where policyname = 'dumps'"
    )
    assert set(found) == {(table, "owner", "SELECT") for table in TABLES}
    owner = connect("owner")
    for table in TABLES:
        seen = sql.SQL("select user_id from {}").format(sql.Identifier(table))
        everybody = {row[0] for row in owner.execute(seen)}
        assert {filled, intruder} <= everybody
    act_as(owner, intruder)
    for table in TABLES:
        seen = sql.SQL("select user_id from {}").format(sql.Identifier(table))
        assert {row[0] for row in owner.execute(seen)} == {intruder}


def test_grants_are_exactly_those_of_the_matrix(connect):
    rows = connect("owner").execute(
        """select grantee::text, table_name::text, lower(privilege_type), null
             from information_schema.role_table_grants where table_schema = 'public'
               and grantee <> 'owner'
           union
           select grantee::text, table_name::text, lower(privilege_type), column_name::text
             from information_schema.column_privileges c where table_schema = 'public'
               and grantee <> 'owner'
               and not exists (select from information_schema.role_table_grants t
                 where (t.grantee, t.table_schema, t.table_name, t.privilege_type)
                     = (c.grantee, c.table_schema, c.table_name, c.privilege_type))"""
    )
    wanted = {
        (role, table, privilege, column)
        for role, granted in GRANTS.items()
        for table, words in granted.items()
        for privilege, column in expanded(words)
    }
    assert set(rows) == wanted


def test_application_roles_own_nothing_and_have_no_power(connect):
    owner = connect("owner")
    owned = owner.execute(
        "select relname from pg_class c join pg_roles r on r.oid = relowner where rolname = any(%s)",
        (list(APP_ROLES),),
    )
    assert owned.fetchall() == []
    powers = owner.execute(
        """select rolname from pg_roles where rolname = any(%s)
           and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication)""",
        ([*APP_ROLES, "owner"],),
    )
    assert powers.fetchall() == []
    members = owner.execute(
        """select m.rolname from pg_auth_members join pg_roles m on m.oid = member
           join pg_roles r on r.oid = roleid where m.rolname = any(%s)""",
        (list(APP_ROLES),),
    )
    assert members.fetchall() == []


def test_there_are_no_views_functions_or_triggers(connect):
    owner = connect("owner")
    assert owner.execute("select viewname from pg_views where schemaname = 'public'").fetchall() == []
    assert (
        owner.execute("select proname from pg_proc where pronamespace = 'public'::regnamespace").fetchall()
        == []
    )
    assert owner.execute("select tgname from pg_trigger where not tgisinternal").fetchall() == []


@pytest.mark.parametrize("role", APP_ROLES)
def test_roles_cannot_create_anything(connect, role):
    with pytest.raises(INSUFFICIENT):
        connect(role).execute("create table mine (id int)")


@pytest.mark.parametrize("role", APP_ROLES)
def test_roles_have_their_timeouts(connect, role):
    row = connect(role).execute(
        """select current_setting('lock_timeout'), current_setting('plan_cache_mode'),
             current_setting('statement_timeout') <> '0',
             current_setting('idle_in_transaction_session_timeout') <> '0', current_setting('TimeZone')"""
    )
    assert row.fetchone() == ("1s", "force_custom_plan", True, True, "UTC")


# --- the wall: user B against the rows of user A, as every role that may touch the table


def attempt(connection, statement, params=()):
    """Rows touched or returned; 0 when the database refuses."""
    try:
        with connection.transaction():
            return connection.execute(statement, params).rowcount
    except INSUFFICIENT:
        return 0


@pytest.fixture
def intruder(filled, dsns):
    """User B, with rows of B's own in every table."""
    other = f"{filled}-intruder"
    with psycopg.connect(dsns["owner"]) as owner:
        act_as(owner, other)
        for table, row in sample(other).items():
            owner.execute(*insert(table, row))
    return other


@pytest.mark.parametrize(("role", "table"), PAIRS)
def test_another_users_rows_cannot_be_seen_changed_or_removed(connect, filled, intruder, role, table):
    connection, name = connect(role), sql.Identifier(table)
    act_as(connection, intruder)
    for everything in ("select user_id from {} where user_id <> %s", "select user_id from {} where %s <> ''"):
        try:
            with connection.transaction():
                rows = connection.execute(sql.SQL(everything).format(name), (intruder,)).fetchall()
        except INSUFFICIENT:
            rows = []
        assert {row[0] for row in rows} <= {intruder}
    for column in metadata.tables[table].columns:
        update = sql.SQL("update {} set {c} = {c} where user_id = %s").format(
            name, c=sql.Identifier(column.name)
        )
        assert attempt(connection, update, (filled,)) == 0
    assert attempt(connection, sql.SQL("delete from {} where user_id = %s").format(name), (filled,)) == 0
    act_as(connection, filled)
    own = connect("owner")
    act_as(own, filled)
    assert own.execute(sql.SQL("select count(*) from {}").format(name)).fetchone() == (1,)


@pytest.mark.parametrize(("role", "table"), PAIRS)
def test_rows_cannot_be_made_in_or_moved_to_another_users_name(connect, filled, intruder, role, table):
    connection, name = connect(role), sql.Identifier(table)
    act_as(connection, intruder)
    stolen = sample(f"{filled}-new")[table] | {"user_id": filled}
    for suffix in ("", "on conflict do nothing"):
        assert attempt(connection, *insert(table, stolen, suffix)) <= 0
    keys = ", ".join(c.name for c in metadata.tables[table].primary_key)
    upsert = f"on conflict ({keys}) do update set user_id = excluded.user_id"
    assert attempt(connection, *insert(table, sample(filled)[table], upsert)) == 0
    move = sql.SQL("update {} set user_id = %s where user_id = %s").format(name)
    assert attempt(connection, move, (filled, intruder)) == 0


@pytest.mark.parametrize("table", [t for t in TABLES if metadata.tables[t].foreign_keys])
def test_a_foreign_key_cannot_point_at_another_users_row(connect, filled, intruder, table):
    row = sample(intruder)[table]
    constraints = metadata.tables[table].foreign_key_constraints
    foreign = {key for c in constraints for key in c.column_keys if key != "user_id"}
    theirs = {key: sample(filled)[table][key] for key in foreign}
    fresh = {"id": sample("x")["series"]["id"]} if "id" in row else {}
    connection = connect("owner")  # the strongest role: every grant, same policies
    act_as(connection, intruder)
    for table_below in ("reminders", "occurrences"):
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table_below)))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(*insert(table, row | theirs | fresh))


@pytest.mark.parametrize(("role", "table"), PAIRS)
def test_without_a_user_only_sweeps_see_rows(connect, filled, role, table):
    connection = connect(role)
    query = sql.SQL("select user_id from {} where user_id = %s").format(sql.Identifier(table))
    opened = [s.where for s in SWEEPS if (s.role, s.table) == (role, table) and "select" in s.commands]
    owner = connect("owner")
    act_as(owner, filled)
    matching = query + sql.SQL(" and ({})").format(sql.SQL(opened[0] if opened else "false"))
    expected = owner.execute(matching, (filled,)).rowcount
    for identity in (None, ""):
        if identity is not None:
            act_as(connection, identity)
        assert attempt(connection, query, (filled,)) == expected


@pytest.mark.parametrize(
    "sweep", [s for s in SWEEPS if "select" in s.commands], ids=lambda s: f"{s.role}-{s.table}"
)
def test_a_sweep_is_shut_while_a_user_is_set(connect, filled, intruder, sweep):
    connection = connect(sweep.role)
    act_as(connection, intruder)
    rows = connection.execute(
        sql.SQL("select user_id from {}").format(sql.Identifier(sweep.table))
    ).fetchall()
    assert {row[0] for row in rows} <= {intruder}


def test_the_consumers_sweep_shows_only_deliveries_that_wait(connect, filled, dsns):
    with psycopg.connect(dsns["owner"]) as owner:
        act_as(owner, filled)
        owner.execute("update deliveries set state = 'sent'")
    rows = connect("consumer").execute("select id from deliveries where user_id = %s", (filled,))
    assert rows.fetchall() == []


def test_the_audit_log_can_only_grow(connect, filled):
    for role in APP_ROLES:
        connection = connect(role)
        act_as(connection, filled)
        for statement in (
            "update audit_entries set entry = ''",
            "delete from audit_entries",
            "truncate audit_entries",
        ):
            with pytest.raises(INSUFFICIENT), connection.transaction():
                connection.execute(statement)


def test_a_pooled_connection_carries_no_identity_on(database, filled):
    db = database("api", max_size=1)
    with UnitOfWork(db, source="/x").read(filled) as tx:
        assert tx.execute("select count(*) from tasks").fetchone() == (1,)
        pid = tx.execute("select pg_backend_pid()").fetchone()
    with db.connection() as connection:
        assert connection.execute("select pg_backend_pid()").fetchone() == pid
        assert connection.execute("select count(*) from tasks").fetchone() == (0,)
    with pytest.raises(KeyError), UnitOfWork(db, source="/x").read(filled):
        raise KeyError
    with db.connection() as connection:
        assert connection.execute("select count(*) from tasks").fetchone() == (0,)


def test_an_empty_owner_is_nobodys(connect):
    connection = connect("relay")
    connection.execute(*insert("event_failures", sample("")["event_failures"] | {"ce_id": "anonymous"}))
    act_as(connection, "somebody")
    assert connection.execute("select count(*) from event_failures where user_id = ''").fetchone() == (0,)


def test_settings_timestamps_have_no_defaults(connect):
    """SQL never asks for the time by itself (`tx.now` does)."""
    rows = connect("owner").execute(
        """select table_name, column_name from information_schema.columns where table_schema = 'public'
           and data_type like 'timestamp%%' and column_default is not null"""
    )
    assert rows.fetchall() == []
    assert AT.tzinfo is not None
