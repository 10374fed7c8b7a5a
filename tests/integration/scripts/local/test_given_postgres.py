"""A PostgreSQL that somebody else runs, as `scripts/run --database` takes it."""

import psycopg
import pytest

from scripts.local.given_postgres import connect
from scripts.local.postgres import DATABASE, ROLES, EmbeddedPostgres
from scripts.local.postgres_binaries import PostgresMissing
from scripts.local.state import CannotStart


@pytest.fixture(scope="module")
def administrator(tmp_path_factory):
    """The DSN of a server of its own, without our database: roles are the server's, so no other test's."""
    try:
        server = EmbeddedPostgres(tmp_path_factory.mktemp("given") / "database", durable=False)
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    server.start()
    with psycopg.connect(server.admin_dsn, autocommit=True) as admin:
        admin.execute(f"drop database {DATABASE}")
    yield server.admin_dsn
    server.destroy()


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def dsns(administrator, state):
    return connect(administrator, state)


def test_every_role_gets_in_as_itself_and_the_schema_is_there(dsns):
    assert set(dsns) == set(ROLES)
    for role, dsn in dsns.items():
        with psycopg.connect(dsn) as connection:
            row = connection.execute("select current_user, to_regclass('outbox') is not null").fetchone()
        assert row == (role, True)


def test_the_next_start_keeps_the_passwords_and_the_rows(administrator, dsns, state):
    with psycopg.connect(dsns["owner"]) as connection:
        connection.execute("create table kept (id int)")

    assert connect(administrator, state) == dsns
    with psycopg.connect(dsns["owner"]) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_passwords_are_nobody_elses(dsns, state):
    file = state / "database-passwords.json"

    assert file.stat().st_mode & 0o077 == 0
    assert len(set(file.read_text().split('"'))) > len(ROLES)


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("postgresql://postgres:hunter2@127.0.0.1:1/postgres", r"--database 127\.0\.0\.1:1: "),
        ("no dsn at all", r"--database \(not a connection string\): "),
    ],
)
def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path, dsn, said):
    with pytest.raises(CannotStart, match=said) as refused:
        connect(dsn, tmp_path)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)
