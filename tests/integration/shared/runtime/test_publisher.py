"""The publisher thread and the drain on real PostgreSQL; the log is the one in memory, faults included."""

import threading
import uuid

import psycopg
import pytest

from shared.db.store import outbox
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.events.task import TaskCreated
from shared.messaging.ports import PublishError
from shared.runtime import publisher as publishing
from shared.runtime.publisher import Drained, PublisherThread, drain
from shared.testing.log import MemoryLog

CAUSE = Cause(Actor("user", "u"))


class Unknown(TaskCreated):
    topic = "no-such-topic"


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog({"task-events", "task-updates"})


@pytest.fixture
def db(database):
    return database("api")


@pytest.fixture
def uow(db) -> UnitOfWork:
    return UnitOfWork(db, source="/taskflow/tasks")


@pytest.fixture
def owner(dsns):
    name = psycopg.conninfo.conninfo_to_dict(dsns["owner"])["dbname"]
    with psycopg.connect(dsns["admin"], dbname=name, autocommit=True) as connection:
        yield connection


@pytest.fixture
def thread(db, log):
    found = PublisherThread(lambda: log, db)
    yield found
    found.close()


def _write(uow: UnitOfWork, user_id: str, *kinds: type) -> None:
    with uow.write(user_id, CAUSE) as tx:
        for kind in kinds or (TaskCreated,):
            tx.emit(kind, task_id=uuid.uuid4(), task_version=1)


def _pending(owner, user_id: str) -> int:
    query = "select count(*) from outbox where user_id = %s and published_at is null and dead_at is null"
    return owner.execute(query, (user_id,)).fetchone()[0]


def _expected(owner, user_id: str) -> list[str]:
    query = "select event_id from outbox where user_id = %s order by seq, n"
    return [str(row[0]) for row in owner.execute(query, (user_id,))]


def _ids(log: MemoryLog, user_id: str) -> list[str]:
    return [record.headers["ce_id"] for record in log.stored if record.key == user_id]


def test_rows_leave_in_commit_order_batch_by_batch(uow, log, owner, user_id, monkeypatch):
    monkeypatch.setattr(publishing, "BATCH", 7)
    for _ in range(10):
        _write(uow, user_id, TaskCreated, TaskCreated, TaskCreated)
    assert drain(uow, log, user_id) == Drained(published=30)
    assert _ids(log, user_id) == _expected(owner, user_id)
    assert _pending(owner, user_id) == 0
    assert drain(uow, log, user_id) == Drained()


def test_an_outage_leaves_the_rows(uow, log, owner, user_id):
    _write(uow, user_id)
    log.reachable = False
    with pytest.raises(PublishError):
        drain(uow, log, user_id)
    assert _pending(owner, user_id) == 1
    log.reachable = True
    assert drain(uow, log, user_id).published == 1


def test_only_the_acknowledged_prefix_is_marked(uow, log, owner, user_id):
    _write(uow, user_id, *[TaskCreated] * 5)
    log.accepts = 2
    with pytest.raises(PublishError):
        drain(uow, log, user_id)
    assert _pending(owner, user_id) == 3
    log.accepts = None
    drain(uow, log, user_id)
    assert _ids(log, user_id) == _expected(owner, user_id)


def test_a_refused_row_steps_aside_and_dies_after_five_attempts(database, sim_clock, log, owner, user_id):
    uow = UnitOfWork(database("api", clock=sim_clock), source="/taskflow/tasks")
    _write(uow, user_id, TaskCreated, Unknown, TaskCreated)
    assert drain(uow, log, user_id) == Drained(published=2, refused=1)
    assert len(_ids(log, user_id)) == 2
    for attempt in range(2, 6):
        assert drain(uow, log, user_id) == Drained()  # not before its pause is over
        sim_clock.advance(hours=1)
        assert drain(uow, log, user_id) == Drained(refused=1), attempt
    sim_clock.advance(hours=1)
    assert drain(uow, log, user_id) == Drained()
    [(attempts, error)] = owner.execute(
        "select attempts, last_error from outbox where user_id = %s and dead_at is not null", (user_id,)
    ).fetchall()
    assert attempts == 5
    assert "no-such-topic" in error


def test_another_drain_is_asked_twice_and_then_left_alone(uow, log, owner, user_id, database):
    _write(uow, user_id)
    other = UnitOfWork(database("api"), source="/taskflow/tasks")
    with other.record(user_id, CAUSE) as tx:
        assert outbox.try_lock(tx, user_id)
        assert drain(uow, log, user_id) == Drained(busy=True)
    assert drain(uow, log, user_id) == Drained(published=1)


def test_a_lock_that_is_free_again_in_time_is_taken(uow, log, user_id, database):
    _write(uow, user_id)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with UnitOfWork(database("api"), source="/x").record(user_id, CAUSE) as tx:
            outbox.try_lock(tx, user_id)
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    threading.Timer(0.02, release.set).start()
    assert drain(uow, log, user_id).published == 1
    holder.join()


def test_concurrent_drains_keep_the_order_and_publish_once(uow, log, owner, user_id, database):
    writers = [threading.Thread(target=lambda: [_write(uow, user_id) for _ in range(15)]) for _ in range(3)]
    stop = threading.Event()

    def keep_draining() -> None:
        mine = UnitOfWork(database("api"), source="/x")
        while not stop.is_set():
            drain(mine, log, user_id)

    drains = [threading.Thread(target=keep_draining) for _ in range(3)]
    for each in (*writers, *drains):
        each.start()
    for each in writers:
        each.join()
    stop.set()
    for each in drains:
        each.join()
    drain(uow, log, user_id)
    assert _ids(log, user_id) == _expected(owner, user_id)
    assert len(_ids(log, user_id)) == 45


def test_the_thread_publishes_what_commits(db, log, owner, user_id, thread):
    uow = UnitOfWork(db, source="/taskflow/tasks", on_commit=thread.notify)
    assert thread._thread is None
    _write(uow, user_id)
    assert thread.flush(15)
    assert _ids(log, user_id) == _expected(owner, user_id)


def test_the_thread_survives_an_outage_and_says_so_once(
    db, uow, log, owner, user_id, thread, capsys, monkeypatch
):
    monkeypatch.setattr(publishing, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(publishing, "_LONGEST_PAUSE", 0.02)
    messages = []
    monkeypatch.setattr(publishing.log, "_emit", lambda _level, message, *_: messages.append(message))
    log.reachable = False
    _write(uow, user_id)
    thread.notify(user_id)
    while log.calls < 5:
        threading.Event().wait(0.01)
    assert thread.flush(0.1)  # does not wait for an outage to end
    assert _pending(owner, user_id) == 1
    log.reachable = True
    while _pending(owner, user_id):
        threading.Event().wait(0.01)
    thread.close()
    assert messages.count("publishing failed, trying again") == 1
    assert messages.count("publishing works again") == 1
    assert log.closed


def test_a_connection_that_cannot_be_made_is_tried_again(db, uow, log, owner, user_id, monkeypatch):
    monkeypatch.setattr(publishing, "_FIRST_PAUSE", 0.01)
    attempts = []

    def connect() -> MemoryLog:
        attempts.append(1)
        if len(attempts) < 3:
            raise PublishError("No broker can be reached.")
        return log

    thread = PublisherThread(connect, db)
    _write(uow, user_id)
    thread.notify(user_id)
    while _pending(owner, user_id):
        threading.Event().wait(0.01)
    thread.close()
    assert len(attempts) == 3


def test_a_bug_concerns_one_user_only(db, uow, log, owner, user_id, monkeypatch):
    def broken_for_one(uow_, publisher, user, **options):
        if user == "broken":
            raise KeyError("canary")
        return drain(uow_, publisher, user, **options)

    monkeypatch.setattr(publishing, "drain", broken_for_one)
    thread = PublisherThread(lambda: log, db)
    _write(uow, user_id)
    thread.notify("broken")
    thread.notify(user_id)
    assert thread.flush(15)
    assert _pending(owner, user_id) == 0
    thread.close()


def test_closing_publishes_what_waits(db, uow, log, owner, thread):
    users = [f"user-{uuid.uuid4()}" for _ in range(20)]
    for user in users:
        _write(uow, user)
        thread.notify(user)
    thread.close()
    assert sum(_pending(owner, user) for user in users) == 0
    thread.notify("too-late")  # neither raises nor starts anything


def test_a_thread_that_cannot_start_does_not_fail_the_request(db, uow, log, owner, user_id, monkeypatch):
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    thread = PublisherThread(lambda: log, db)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        thread.notify(user_id)
    _write(uow, user_id)
    thread.notify(user_id)
    assert thread.flush(15)
    assert _pending(owner, user_id) == 0
    thread.close()


def test_relay_drains_any_user_with_its_own_role(uow, log, owner, user_id, database):
    _write(uow, user_id)
    relay = UnitOfWork(database("relay"), source="/taskflow/relay")
    assert drain(relay, log, user_id).published == 1
