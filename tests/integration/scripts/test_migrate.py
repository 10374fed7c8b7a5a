"""scripts/migrate: from an administrator's DSN to a working database, back, and what it says on the way."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.db import migrate, roles
from shared.db.roles import ROLES

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "migrate"
NEWEST = max(path.name[:4] for path in (SCRIPT.parents[1] / "shared/db/migrations/versions").glob("0*.py"))


def run(*arguments, **environment):
    environment |= {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def name(dsns):
    name = f"script_{uuid.uuid4().hex[:8]}"
    yield name
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def owner(dsns, name):
    """The owner's DSN of an empty database."""
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:
        roles.ensure_database(admin, name)
    return make_conninfo(dsns["owner"], dbname=name)


def passwords(dsns, tmp_path, *, without=""):
    secret = tmp_path / "passwords.json"
    given = {role: conninfo_to_dict(dsns[role])["password"] for role in ROLES if role != without}
    secret.write_text(json.dumps(given))
    return str(secret)


def test_roles_database_and_tables_are_made_and_a_second_run_is_harmless(dsns, name, tmp_path):
    owner = make_conninfo(dsns["owner"], dbname=name)
    environment = {"ADMIN_DATABASE_URL": dsns["admin"], "ROLE_PASSWORDS_FILE": passwords(dsns, tmp_path)}
    for arguments, extra in ((["up"], environment), (["up"], environment), (["up"], {}), ([], {})):
        done = run(*arguments, DATABASE_URL=owner, **extra)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with psycopg.connect(make_conninfo(dsns["api"], dbname=name)) as api:
        assert api.execute("select count(*) from tasks").fetchone() == (0,)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "DATABASE_URL"),
        (
            {"DATABASE_URL": "postgresql://owner@127.0.0.1:1/x", "ADMIN_DATABASE_URL": "y"},
            "ROLE_PASSWORDS_FILE",
        ),
        ({"DATABASE_URL": "postgresql://owner@127.0.0.1:1/x"}, "refused"),
        ({"DATABASE_URL": "postgresql://owner@127.0.0.1:port/x"}, "DATABASE_URL"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(environment, named):
    done = run("up", **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_role_without_a_password_is_named(dsns, name, tmp_path):
    given = passwords(dsns, tmp_path, without="relay")
    done = run(
        "up",
        DATABASE_URL=make_conninfo(dsns["owner"], dbname=name),
        ADMIN_DATABASE_URL=dsns["admin"],
        ROLE_PASSWORDS_FILE=given,
    )
    assert done.returncode == 1
    assert "no password for relay" in done.stderr


def test_status_counts_what_is_pending(owner):
    found = run("status", DATABASE_URL=owner)
    assert (found.returncode, found.stdout.count("pending")) == (3, int(NEWEST))
    assert run("up", "--to", "0006", DATABASE_URL=owner).returncode == 0
    found = run("status", DATABASE_URL=owner)
    assert found.returncode == 3
    assert f"is at 0006, the newest migration is {NEWEST}\n  pending  0007" in found.stdout
    assert run("up", DATABASE_URL=owner).returncode == 0
    assert run("status", DATABASE_URL=owner).returncode == 0


def test_a_destructive_down_says_what_it_would_drop_and_needs_a_flag(owner):
    migrate.upgrade(owner)
    with psycopg.connect(owner) as connection:
        connection.execute("select set_config('app.user_id', 'ada', true)")
        connection.execute(
            """insert into webhooks (user_id, id, url, secret, state, unanswered, created_at, updated_at)
               values ('ada', gen_random_uuid(), 'https://x', 's', 'enabled', 1, now(), now())"""
        )
    refused = run("down", "--to", "0006", DATABASE_URL=owner)
    assert refused.returncode == 1
    assert "column webhooks.unanswered (1 rows have a value)" in refused.stderr
    assert "column webhooks.paused_until (0 rows have a value)" in refused.stderr
    assert "--drop-data" in refused.stderr
    assert migrate.state(owner).current == NEWEST
    assert run("down", "--to", "0006", "--drop-data", DATABASE_URL=owner).returncode == 0
    assert migrate.state(owner).current == "0006"
    refused = run("down", "--to", "base", DATABASE_URL=owner)
    assert "table webhooks (1 rows)" in refused.stderr


def test_a_refused_down_leaves_everything_as_it_was(owner):
    migrate.upgrade(owner)
    columns = "select table_name, column_name, data_type from information_schema.columns order by 1, 2"
    with psycopg.connect(owner) as connection:
        before = connection.execute(columns).fetchall()
    assert run("down", "--to", "base", DATABASE_URL=owner).returncode == 1
    with psycopg.connect(owner) as connection:
        assert connection.execute(columns).fetchall() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("down", "--to", "0042"), "no migration 0042"),
        (("up", "--to", "seven"), "no migration seven"),
        (("up", "--to", "0002"), "use `down --to 0002`"),
    ],
)
def test_a_revision_that_cannot_be_reached_is_refused(owner, arguments, said):
    migrate.upgrade(owner)
    done = run(*arguments, DATABASE_URL=owner)
    assert done.returncode == 1
    assert said in done.stderr


def test_down_is_not_a_way_up(owner):
    migrate.upgrade(owner, "0003")
    done = run("down", "--to", "0005", DATABASE_URL=owner)
    assert done.returncode == 1
    assert "use `up --to 0005`" in done.stderr


def test_older_code_leaves_a_newer_database_alone(owner):
    """A deployment that goes back to the image before runs that image's migration job."""
    migrate.upgrade(owner)
    with psycopg.connect(owner) as connection:
        connection.execute("update alembic_version set version_num = '9000'")
    up, down = run("up", DATABASE_URL=owner), run("down", "--to", "0006", DATABASE_URL=owner)
    assert up.returncode == 0
    assert "newer than this version" in up.stdout
    assert down.returncode == 1
    assert "with the version of the code that made it" in down.stderr
