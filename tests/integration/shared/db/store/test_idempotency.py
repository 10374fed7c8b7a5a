"""Stored answers: visible with the commit of the work, for 24 hours, to their user only."""

from datetime import timedelta

import pytest

from shared.db.store import idempotency
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor

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


def test_a_key_in_use_is_locked_for_its_user_only(uow, user_id):
    with uow.record(user_id, CAUSE) as first, uow.record(user_id, CAUSE) as second:
        assert idempotency.lock(first, "k")
        assert not idempotency.lock(second, "k")
        assert idempotency.lock(second, "other")
        with uow.record(user_id + "-other", CAUSE) as third:
            assert idempotency.lock(third, "k")


def test_expired_answers_are_deleted_by_relay(uow, database, user_id, sim_clock):
    sim_clock.now -= timedelta(days=8000)
    with uow.write(user_id, CAUSE) as tx:
        idempotency.store(tx, "k", **ANSWER)
    relay = UnitOfWork(database("relay", clock=sim_clock), source="/taskflow/relay")
    sim_clock.advance(hours=23, minutes=59)
    with relay.sweep() as tx:
        assert idempotency.delete_expired(tx) == 0
    sim_clock.advance(minutes=1)
    with relay.sweep() as tx:
        assert idempotency.delete_expired(tx) == 1
