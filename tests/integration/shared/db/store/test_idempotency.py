"""Stored answers: visible with the commit of the work, for 24 hours, to their user only."""

import pytest

from shared.db.pool import Database
from shared.db.store import idempotency
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import Conflict, RetryLater
from shared.domain.identity import Actor
from tests.integration.wire import Wire

CAUSE = Cause(Actor("user", "u"))
ANSWER = {"request_hash": b"\x00h", "status": 201, "headers": {"ETag": '"1"'}, "body": "{}"}


@pytest.fixture
def uow(database, sim_clock):
    return UnitOfWork(database("api", clock=sim_clock), source="/taskflow/tasks")


def test_an_answer_is_found_again_for_24_hours(uow, user_id, sim_clock):
    with uow.write(user_id, CAUSE) as tx:
        assert idempotency.find(tx, "k") is None
        idempotency.store(tx, "k", **ANSWER)
    with uow.read(user_id) as tx:
        found = idempotency.find(tx, "k")
    assert (found.request_hash, found.status, found.headers, found.body) == (
        b"\x00h",
        201,
        {"ETag": '"1"'},
        "{}",
    )
    assert found.created_at == sim_clock.now
    with uow.read(user_id + "-other") as tx:
        assert idempotency.find(tx, "k") is None
    sim_clock.advance(hours=24)
    with uow.write(user_id, CAUSE) as tx:
        assert idempotency.find(tx, "k") is None
        idempotency.store(tx, "k", **ANSWER | {"status": 200})
        assert idempotency.find(tx, "k").status == 200


def test_work_that_fails_leaves_no_answer(uow, user_id):
    with pytest.raises(KeyError), uow.write(user_id, CAUSE) as tx:
        idempotency.store(tx, "k", **ANSWER)
        raise KeyError
    with uow.read(user_id) as tx:
        assert idempotency.find(tx, "k") is None


def test_a_key_in_use_is_refused_at_once_while_its_write_runs(database, user_id):
    """At once: the repeat does not wait for the account's row, which the first holds."""
    uow = UnitOfWork(database("api"), source="/taskflow/tasks")
    with uow.write(user_id, CAUSE, key="k"):
        with pytest.raises(Conflict) as caught, uow.write(user_id, CAUSE, key="k", timeout=30):
            pass
        assert caught.value.code == "idempotency_in_progress"
        with pytest.raises(RetryLater) as busy, uow.write(user_id, CAUSE, key="other", timeout=0.1):
            pass
        assert busy.value.code == "busy"  # another key waits for its turn
        with uow.write(user_id + "-other", CAUSE, key="k"):
            pass
    with uow.write(user_id, CAUSE, key="k") as tx:
        assert tx.change_seq == 2  # a refused write counts nothing


@pytest.mark.parametrize("key", [None, "k"])
def test_a_write_begins_in_one_round_trip_with_or_without_a_key(database, dsns, user_id, key):
    wire = Wire(dsns["api"])
    db = Database(wire.dsn)
    try:
        with UnitOfWork(db, source="/taskflow/tasks").read(user_id):
            pass  # connected
        before = wire.round_trips
        with UnitOfWork(db, source="/taskflow/tasks").write(user_id, CAUSE, key=key):
            assert wire.round_trips == before + 1
        assert wire.round_trips == before + 2
    finally:
        db.close()
        wire.close()
