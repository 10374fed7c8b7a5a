"""scripts/migrate: from an administrator's DSN to a working database, and again."""

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

from shared.db.roles import ROLES

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "migrate"


def run(**environment):
    environment |= {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def name(dsns):
    name = f"script_{uuid.uuid4().hex[:8]}"
    yield name
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def test_roles_database_and_tables_are_made_and_a_second_run_is_harmless(dsns, name, tmp_path):
    secret = tmp_path / "passwords.json"
    secret.write_text(json.dumps({role: conninfo_to_dict(dsns[role])["password"] for role in ROLES}))
    owner = make_conninfo(dsns["owner"], dbname=name)
    environment = {"ADMIN_DATABASE_URL": dsns["admin"], "ROLE_PASSWORDS_FILE": str(secret)}
    for extra in (environment, environment, {}):
        done = run(DATABASE_URL=owner, **extra)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with psycopg.connect(make_conninfo(dsns["api"], dbname=name)) as api:
        assert api.execute("select count(*) from tasks").fetchone() == (0,)


def test_a_missing_variable_prints_the_usage():
    for environment in ({}, {"DATABASE_URL": "x", "ADMIN_DATABASE_URL": "y"}):
        done = run(**environment)
        assert done.returncode == 2
        assert "ROLE_PASSWORDS_FILE" in done.stderr
