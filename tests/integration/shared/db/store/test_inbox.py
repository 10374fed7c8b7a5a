"""The inbox: one effect an event, whatever arrives twice, at once or after a crash."""

import threading

import pytest

from shared.db.store import inbox
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import RetryLater
from shared.domain.identity import Actor

CAUSE = Cause(Actor("function", "audit"))


@pytest.fixture
def uow(database):
    return UnitOfWork(database("consumer"), source="/taskflow/audit")


def test_the_second_delivery_finds_the_claim(uow, user_id):
    for expected in (True, False):
        with uow.record(user_id, CAUSE) as tx:
            assert inbox.claim(tx, "audit", "/taskflow/tasks", user_id) is expected
    with uow.record(user_id, CAUSE) as tx:
        assert inbox.claim(tx, "recurrence", "/taskflow/tasks", user_id)
        assert inbox.claim(tx, "audit", "/taskflow/recurrence", user_id)


def test_a_crash_before_commit_leaves_no_claim(uow, user_id):
    with pytest.raises(KeyError), uow.record(user_id, CAUSE) as tx:
        inbox.claim(tx, "audit", "/taskflow/tasks", user_id)
        raise KeyError
    with uow.record(user_id, CAUSE) as tx:
        assert inbox.claim(tx, "audit", "/taskflow/tasks", user_id)


def test_concurrent_duplicates_have_one_effect(database, user_id):
    uow = UnitOfWork(database("consumer", max_size=6), source="/taskflow/audit")
    start, claims = threading.Barrier(6), []

    def deliver():
        start.wait()
        with uow.record(user_id, CAUSE, timeout=5) as tx:
            claims.append(inbox.claim(tx, "audit", "/taskflow/tasks", user_id))

    threads = [threading.Thread(target=deliver) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claims) == [False] * 5 + [True]


def test_a_duplicate_of_an_event_in_progress_gives_up_waiting(uow, user_id):
    with uow.record(user_id, CAUSE) as first:
        assert inbox.claim(first, "audit", "/taskflow/tasks", user_id)
        with (
            pytest.raises(inbox.EventInProgress) as caught,
            uow.record(user_id, CAUSE, timeout=0.3) as second,
        ):
            inbox.claim(second, "audit", "/taskflow/tasks", user_id)
    assert isinstance(caught.value, RetryLater)
    assert caught.value.code == "event_in_progress"
