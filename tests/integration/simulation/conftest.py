"""A database of its own: the sweeps of a simulation would find what other tests left."""

import uuid
from collections.abc import Iterator, Mapping

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from shared.db import migrate, roles


@pytest.fixture
def dsns(postgres: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """DSNs by role of a fresh, migrated database."""
    name = f"simulation_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres["admin"], autocommit=True) as admin:
        roles.ensure_database(admin, name)
        own = {role: make_conninfo(dsn, dbname=name) for role, dsn in postgres.items()}
        migrate.upgrade(own["owner"])
        try:
            yield own
        finally:
            admin.execute(f'drop database "{name}" with (force)')
