"""Fixtures for every tier: one PostgreSQL a test run, made on first use, and values that keep tests apart.

Tests never truncate: each works under its own `user_id`. TASKFLOW_TEST_DATABASE_ADMIN_URL points at another
server (a role that may create roles and databases); otherwise the embedded one starts.
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from scripts.local.postgres import EmbeddedPostgres
from scripts.local.postgres_binaries import PostgresMissing
from shared.db import migrate, roles
from shared.db.pool import Database
from shared.testing.clock import SimulatedClock

DatabaseFactory = Callable[..., Database]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """DSNs by role ("owner", "api", …, and "admin") of a migrated database."""
    admin_url = os.environ.get("TASKFLOW_TEST_DATABASE_ADMIN_URL")
    if admin_url:
        yield from _external(admin_url)
        return
    try:
        server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    except PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
    try:
        dsns = server.start()
        yield {**dsns, "admin": server.admin_dsn}
    finally:
        server.destroy()


def _external(admin_url: str) -> Iterator[Mapping[str, str]]:
    # Derived, so that test runs that share a server do not change one another's passwords.
    passwords = {r: hashlib.sha256(f"{admin_url}\0{r}".encode()).hexdigest() for r in roles.ROLES}
    name = f"taskflow_test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        roles.ensure_roles(admin, passwords)
        roles.ensure_database(admin, name)
        base = {
            k: v for k, v in conninfo_to_dict(admin_url).items() if k not in {"user", "password", "dbname"}
        }
        dsns = {r: make_conninfo("", **base, user=r, password=p, dbname=name) for r, p in passwords.items()}
        migrate.upgrade(dsns["owner"])
        try:
            yield {**dsns, "admin": admin_url}
        finally:
            admin.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="session")
def dsns(postgres: Mapping[str, str]) -> Mapping[str, str]:
    """Alias of `postgres`, for tests that only connect."""
    return postgres


@pytest.fixture
def database(dsns: Mapping[str, str]) -> Iterator[DatabaseFactory]:
    """`database("api", clock=…, max_size=…)`: a pool as that role, closed after the test."""
    with ExitStack() as stack:

        def connect(role: str, **options: object) -> Database:
            made = Database(dsns[role], **options)  # type: ignore[arg-type]
            stack.callback(made.close)
            return made

        yield connect


@pytest.fixture
def user_id() -> str:
    """A user that no other test knows."""
    return f"user-{uuid.uuid4()}"


@pytest.fixture
def sim_clock() -> SimulatedClock:
    """Noon of 2026-01-01 UTC until the test moves it."""
    return SimulatedClock()
