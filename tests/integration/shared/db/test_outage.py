"""The database goes away and comes back under a pool that was in use."""

import time

import pytest

from scripts.local.postgres import EmbeddedPostgres
from shared.db.pool import Database
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import RetryLater
from shared.domain.identity import Actor

CAUSE = Cause(Actor("user", "u"))


def test_a_restart_needs_no_help(tmp_path):
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    database = None
    try:
        database = Database(server.start()["api"], max_size=2)
        uow = UnitOfWork(database, source="/taskflow/tasks")
        with uow.write("u", CAUSE) as first, uow.read("u"):
            assert first.change_seq == 1
        server.stop()
        deadline = time.monotonic() + 4  # longer than the pool's own patience
        while time.monotonic() < deadline:
            with pytest.raises(RetryLater), uow.write("u", CAUSE, timeout=0.5):
                pass
        server.start()
        recovered = _first_success(uow, time.monotonic() + 10)
        assert recovered == 2
    finally:
        if database is not None:
            database.close()
        server.destroy()


def _first_success(uow, deadline):
    while time.monotonic() < deadline:
        try:
            with uow.write("u", CAUSE, timeout=1) as tx:
                return tx.change_seq
        except RetryLater:
            continue
    return None
