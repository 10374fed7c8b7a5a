"""The database does not go away but stops answering: every transaction ends in its own time."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from shared.db import connection as connections
from shared.db import opening
from shared.db.pool import Database
from shared.db.roles import OWNER, SETTINGS
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import RetryLater
from shared.domain.identity import Actor
from tests.integration.wire import frozen

CAUSE = Cause(Actor("user", "u"))
BUDGET = 0.5
# What a transaction may take beyond its budget, by the rules of the code, and room for a busy machine.
ALLOWED = BUDGET + opening.GRACE_SECONDS + connections.ENDING_SECONDS + 2.0


@pytest.fixture
def database(wire):
    found = Database(wire.dsn, max_size=3, remaining=lambda: BUDGET)
    yield found
    wire.mend()
    found.close()


@pytest.fixture
def uow(database):
    return UnitOfWork(database, source="/taskflow/tasks")


@pytest.fixture(params=["stopped server", "silent wire"])
def hang(request, server, wire):
    """`with hang():` nothing is answered inside the block."""

    @contextmanager
    def silent():
        wire.cut()
        yield
        wire.mend()

    return (lambda: frozen(server)) if request.param == "stopped server" else silent


@contextmanager
def ends_in_time(code):
    started = time.monotonic()
    with pytest.raises(RetryLater) as caught:
        yield
    assert caught.value.code == code
    assert time.monotonic() - started < ALLOWED


def first_success(uow, user_id):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with uow.write(user_id, CAUSE) as tx:
                return tx.change_seq
        except RetryLater:
            continue
    return None


def test_the_bounds_fit_together():
    assert opening.BEGIN_SECONDS > opening._LOCK_SECONDS  # a queue of writers is no dead server
    statements = [settings["statement_timeout"] for role, settings in SETTINGS.items() if role != OWNER]
    assert max(int(text.removesuffix("s")) for text in statements) < connections.LONGEST_WAIT


def test_no_connection_can_be_made(uow, hang, user_id):
    with hang(), ends_in_time("database_unavailable"), uow.read(user_id):
        pass
    assert first_success(uow, user_id) == 1


def test_the_idle_connections_do_not_answer(uow, hang, user_id):
    with uow.read(user_id), uow.read(user_id):
        pass
    with hang():
        for _ in range(3):
            with ends_in_time("database_unavailable"), uow.write(user_id, CAUSE):
                pass
    assert first_success(uow, user_id) == 1


def test_a_statement_is_not_answered(uow, hang, user_id):
    with ExitStack() as stack:
        with ends_in_time("database_unavailable"), uow.write(user_id, CAUSE) as tx:
            stack.enter_context(hang())
            tx.execute("select 1")
        assert tx.connection.closed
    assert first_success(uow, user_id) == 1


def test_a_database_that_is_known_to_be_down_holds_nobody_up(wire, hang, user_id):
    """Otherwise every thread waits in vain, and requests queue behind them for as long as it lasts."""
    database = Database(wire.dsn, max_size=3)
    uow = UnitOfWork(database, source="/taskflow/tasks")
    try:
        with hang():
            waits = [_refusal(uow, user_id) for _ in range(12)]
            assert sorted(waits)[len(waits) // 2] < opening.POOL_SECONDS / 2
        assert first_success(uow, user_id) == 1
        assert not database._down
    finally:
        wire.mend()
        database.close()


def _refusal(uow, user_id):
    started = time.monotonic()
    with pytest.raises(RetryLater), uow.read(user_id):
        pass
    return time.monotonic() - started


def test_a_savepoint_and_a_pipeline_are_not_answered(uow, hang, user_id):
    def in_savepoint(tx):
        with tx.savepoint():
            tx.execute("select 1")

    def in_pipeline(tx):
        with connections.pipelined(tx.connection):
            tx.execute("select 1")
            tx.execute("select 2")

    for act in (in_savepoint, in_pipeline):
        with ExitStack() as stack, ends_in_time("database_unavailable"), uow.write(user_id, CAUSE) as tx:
            stack.enter_context(hang())
            act(tx)
        assert tx.connection.closed
    assert first_success(uow, user_id) == 1


def test_a_commit_is_not_answered(uow, hang, user_id):
    with ExitStack() as stack, ends_in_time("outcome_unknown"), uow.write(user_id, CAUSE):
        stack.enter_context(hang())
    assert first_success(uow, user_id) in (1, 2)


def test_connections_that_went_silent_while_idle_are_replaced_within_the_request(wire, user_id):
    """Half-open TCP: a firewall has forgotten the connections, and nobody was told."""
    database = Database(wire.dsn, max_size=3, remaining=lambda: 4 * opening.BEGIN_SECONDS)
    uow = UnitOfWork(database, source="/taskflow/tasks")
    try:
        with uow.read(user_id), uow.read(user_id), uow.read(user_id):
            pass
        wire.lose_connections()
        for expected in (1, 2, 3):  # the second and third meet no silent connection any more
            with uow.write(user_id, CAUSE) as tx:
                assert tx.change_seq == expected
    finally:
        database.close()


def test_a_slow_statement_keeps_its_connection(uow, user_id):
    """The server's own timeout comes first: a slow server is not burdened with new connections."""
    with ends_in_time("database_timeout"), uow.write(user_id, CAUSE) as tx:
        tx.execute("select pg_sleep(10)")
    assert not tx.connection.closed


def test_a_transaction_beyond_its_time_is_not_committed(uow, user_id):
    with pytest.raises(RetryLater) as caught, uow.write(user_id, CAUSE, timeout=0.1):
        time.sleep(0.2 + opening.GRACE_SECONDS)
    assert caught.value.code == "deadline_exceeded"
    with uow.write(user_id, CAUSE) as tx:
        assert tx.change_seq == 1


def test_a_forked_child_does_not_use_or_end_its_parents_connections(wire):
    """As under gunicorn, when something has used the database before the fork."""
    program = """
import os, sys
from shared.db.pool import Database
from shared.db.uow import UnitOfWork
database = Database(sys.argv[1], max_size=2)
uow = UnitOfWork(database, source="/taskflow/tasks")
def backend():
    with uow.read("u") as tx:
        return tx.execute("select pg_backend_pid()").fetchone()[0]
mine = backend()
child = os.fork()
if child == 0:
    other = backend()
    database.close()
    os._exit(0 if other != mine else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), backend() == mine)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, wire.dsn],
        check=False, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert done.stdout.split() == ["0", "True"], done.stderr
