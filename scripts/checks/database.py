"""The PostgreSQL of a test run: one server, one migrated template, a clone for each process of tests.

`scripts/test` starts it for all tiers and workers; tests/conftest.py starts one for itself when pytest is
called by hand. TASKFLOW_TEST_DATABASE_ADMIN_URL names another server (a role that may create roles and
databases) to be used instead of the embedded one.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from scripts.local.postgres import EmbeddedPostgres
from shared.db import migrate, roles

TEMPLATE = "TASKFLOW_TEST_TEMPLATE"  # JSON: the template's DSN by role, and "admin"
ADMIN_URL = "TASKFLOW_TEST_DATABASE_ADMIN_URL"

Dsns = Mapping[str, str]


@contextlib.contextmanager
def template() -> Iterator[Dsns]:
    """DSNs by role ("owner", "api", …) and "admin" of a migrated database that nobody connects to.

    Raises `PostgresMissing` where no embedded server can be had.
    """
    given, admin_url = os.environ.get(TEMPLATE), os.environ.get(ADMIN_URL)
    if given:
        yield json.loads(given)
    elif admin_url:
        with _external(admin_url) as dsns:
            yield dsns
    else:
        with _embedded() as dsns:
            yield dsns


@contextlib.contextmanager
def clone(of: Dsns) -> Iterator[Dsns]:
    """A copy of the database `of`, dropped at the end. Roles belong to the server, so all copies share
    them.
    """
    name, original = f"test_{uuid.uuid4().hex[:12]}", conninfo_to_dict(of["owner"])["dbname"]
    with psycopg.connect(of["admin"], autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} owner {}").format(
                *map(sql.Identifier, (name, str(original), roles.OWNER))
            )
        )
        roles.ensure_database(admin, name)  # who may connect is not part of a template
        try:
            own = {role: _in(name, dsn) for role, dsn in of.items() if role != "admin"}
            yield {**own, "admin": of["admin"]}
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _in(name: str, dsn: str) -> str:
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def _embedded() -> Iterator[Dsns]:
    with tempfile.TemporaryDirectory(prefix="taskflow-tests-") as directory:
        server = EmbeddedPostgres(Path(directory), durable=False)
        try:
            dsns = server.start()
            yield {**dsns, "admin": server.admin_dsn}
        finally:
            server.destroy()


@contextlib.contextmanager
def _external(admin_url: str) -> Iterator[Dsns]:
    # Derived, so that test runs that share a server do not change one another's passwords.
    passwords = {r: hashlib.sha256(f"{admin_url}\0{r}".encode()).hexdigest() for r in roles.ROLES}
    name = f"taskflow_template_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        roles.ensure_roles(admin, passwords)
        roles.ensure_database(admin, name)
        base = {
            k: v for k, v in conninfo_to_dict(admin_url).items() if k not in {"user", "password", "dbname"}
        }
        dsns = {r: f"postgresql://{r}:{p}@/{name}?{urlencode(base)}" for r, p in passwords.items()}
        migrate.upgrade(dsns["owner"])
        try:
            yield {**dsns, "admin": admin_url}
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
