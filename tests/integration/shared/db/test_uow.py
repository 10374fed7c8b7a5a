"""The unit of work against a real database."""

import contextlib
import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.db.instants import FAR_FUTURE
from shared.db.store import outbox
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import LimitExceeded, RetryLater
from shared.domain.identity import Actor, uuid7
from shared.events.account import AccountChanged
from shared.events.task import TaskChanged

CAUSE = Cause(Actor("user", "someone"), request_id="req-1", traceparent="00-1-1-01")
FIELDS = {"resource": "tag", "resource_id": "home", "action": "created"}


@pytest.fixture
def uow(database):
    return UnitOfWork(database("api"), source="/taskflow/tasks")


def events_of(uow, user_id):
    with uow.read(user_id) as tx:
        return outbox.pending(tx, user_id)


def test_write_counts_change_seq_up_and_commits_events_in_order(uow, user_id):
    for expected in (1, 2):
        with uow.write(user_id, CAUSE) as tx:
            assert tx.change_seq == tx.account.change_seq == expected
            for name in ("a", "b"):
                tx.emit(AccountChanged, **FIELDS | {"resource_id": name})
    rows = events_of(uow, user_id)
    assert [(r.seq, r.n) for r in rows] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert {(r.source, r.topic, r.traceparent) for r in rows} == {
        ("/taskflow/tasks", "task-events", "00-1-1-01")
    }
    assert '"request_id":"req-1"' in rows[0].data


def test_emit_fills_identity_and_time(database, user_id, sim_clock):
    uow = UnitOfWork(database("api", clock=sim_clock), source="/taskflow/tasks")
    with uow.write(user_id, CAUSE) as tx:
        event = tx.emit(AccountChanged, **FIELDS)
        assert tx.now == event.occurred_at == sim_clock.now
    assert event.user_id == user_id
    assert event.actor == {"kind": "user", "id": "someone"}
    assert event.event_id.version == 7


def test_the_webhooks_flag_follows_the_accounts_patterns(uow, user_id):
    with uow.write(user_id, CAUSE) as tx:
        assert not tx.emit(AccountChanged, **FIELDS).webhooks
        tx.execute("update accounts set webhook_events = '{account.*}' where user_id = %s", (user_id,))
    with uow.write(user_id, CAUSE) as tx:
        assert tx.emit(AccountChanged, **FIELDS).webhooks
        assert not tx.emit(TaskChanged, change_token=1).webhooks
    assert [dict(r.extensions) for r in events_of(uow, user_id)] == [{}, {"webhooks": "true"}, {}]


def test_now_is_the_databases_time_and_the_same_for_the_whole_transaction(uow, user_id):
    with uow.write(user_id, CAUSE) as tx:
        assert tx.now == tx.execute("select transaction_timestamp()").fetchone()[0]
        assert tx.now.tzinfo is UTC


def test_an_exception_undoes_everything(uow, user_id):
    with pytest.raises(KeyError), uow.write(user_id, CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS)
        raise KeyError
    assert events_of(uow, user_id) == []
    with uow.write(user_id, CAUSE) as tx:
        assert tx.change_seq == 1


def test_a_savepoint_drops_its_rows_and_its_events(uow, user_id):
    with uow.write(user_id, CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS | {"resource_id": "kept"})
        with pytest.raises(psycopg.errors.UniqueViolation), tx.savepoint():
            tx.emit(AccountChanged, **FIELDS | {"resource_id": "dropped"})
            tx.execute("update accounts set timezone = 'X' where user_id = %s", (user_id,))
            tx.execute("insert into accounts (user_id, created_at) values (%s, %s)", (user_id, tx.now))
    (row,) = events_of(uow, user_id)
    assert '"kept"' in row.data
    with uow.write(user_id, CAUSE) as tx:
        assert tx.account.timezone == "UTC"


def test_what_follows_a_commit_follows_it_and_nothing_else(uow, user_id):
    called: list[str] = []
    with uow.write(user_id, CAUSE) as tx:
        tx.after_commit(lambda: called.append("committed"))
        with contextlib.suppress(KeyError), tx.savepoint():
            tx.after_commit(lambda: called.append("undone with its savepoint"))
            raise KeyError
        assert called == []
    assert called == ["committed"]
    with pytest.raises(KeyError), uow.write(user_id, CAUSE) as tx:
        tx.after_commit(lambda: called.append("rolled back"))
        raise KeyError
    assert called == ["committed"]


def test_a_swallowed_database_error_is_no_silent_rollback(uow, user_id):
    def swallow():
        with uow.write(user_id, CAUSE) as tx, contextlib.suppress(psycopg.errors.DivisionByZero):
            tx.execute("select 1/0")

    with pytest.raises(RuntimeError, match="savepoint"):
        swallow()


def test_record_and_read_have_no_account_and_emit_nothing(uow, user_id):
    with uow.record(user_id, CAUSE) as tx:
        with pytest.raises(RuntimeError, match="write"):
            tx.emit(AccountChanged, **FIELDS)
        assert tx.execute("select count(*) from accounts where user_id = %s", (user_id,)).fetchone() == (0,)


def test_read_cannot_write(uow, user_id):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), uow.read(user_id) as tx:
        tx.execute("delete from tasks where user_id = %s", (user_id,))


@pytest.mark.parametrize("mode", ["read", "write", "record"])
def test_a_user_is_required(uow, mode):
    arguments = () if mode == "read" else (CAUSE,)
    with pytest.raises(ValueError, match="user_id"), getattr(uow, mode)("", *arguments):
        pass


def test_on_commit_is_called_only_after_a_commit_with_events(database, user_id):
    told = []
    uow = UnitOfWork(database("api"), source="/taskflow/tasks", on_commit=told.append)
    with uow.write(user_id, CAUSE):
        pass
    with pytest.raises(KeyError), uow.write(user_id, CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS)
        raise KeyError
    assert told == []
    with uow.write(user_id, CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS)
        assert told == []
    assert told == [user_id]


def test_several_users_are_written_in_one_transaction_each_behind_the_wall(database, user_id):
    told, ids = [], [f"{user_id}-{n}" for n in (2, 0, 1)]
    uow = UnitOfWork(database("api"), source="/taskflow/tasks", on_commit=told.append)
    with uow.write(ids[0], CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS)
    with uow.write_each(ids, CAUSE) as each:
        assert [tx.user_id for tx in each] == sorted(ids)  # locks in one order, whatever was asked for
        assert [tx.change_seq for tx in each] == [1, 1, 2]
        for tx in each:
            tx.act()
            assert tx.execute("select user_id from accounts").fetchall() == [(tx.user_id,)]
        for tx in each[1:]:
            tx.emit(AccountChanged, **FIELDS)
            tx.after_commit(lambda: told.append("after"))
    assert told == [ids[0], "after", each[1].user_id, "after", each[2].user_id]
    assert [[(row.user_id, row.seq) for row in events_of(uow, user)] for user in sorted(ids)] == [
        [],
        [(sorted(ids)[1], 1)],
        [(sorted(ids)[2], 1), (sorted(ids)[2], 2)],
    ]


def test_several_users_are_written_together_or_not_at_all(uow, user_id):
    ids = [f"{user_id}-{n}" for n in range(3)]
    with pytest.raises(LimitExceeded), uow.write_each(ids, CAUSE) as each:
        each[0].emit(AccountChanged, **FIELDS)
        each[2].emit(AccountChanged, **FIELDS | {"resource_id": "x" * 70_000})
    with pytest.raises(psycopg.errors.UndefinedTable), uow.write_each(ids, CAUSE) as each:
        each[1].emit(AccountChanged, **FIELDS)
        each[1].execute("select * from nowhere")
    assert [events_of(uow, user) for user in ids] == [[], [], []]
    with uow.write_each(ids, CAUSE) as each:
        assert [tx.change_seq for tx in each] == [1, 1, 1]


def test_an_event_above_64_kib_is_refused_and_nothing_is_committed(uow, user_id):
    with pytest.raises(LimitExceeded) as caught, uow.write(user_id, CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS | {"resource_id": "x" * 65_536})
    assert caught.value.too_large
    with uow.write(user_id, CAUSE) as tx:
        assert tx.change_seq == 1


def test_timeouts_hold_inside_the_transaction_only(uow, user_id):
    with uow.write(user_id, CAUSE, timeout=0.5) as tx:
        assert tx.execute(
            "select current_setting('statement_timeout'), current_setting('lock_timeout')"
        ).fetchone() == (
            "500ms",
            "450ms",
        )
    with uow.write(user_id, CAUSE) as tx:
        assert tx.execute(
            "select current_setting('statement_timeout'), current_setting('lock_timeout')"
        ).fetchone() == (
            "3s",
            "1s",
        )
    with pytest.raises(RetryLater) as caught, uow.write(user_id, CAUSE, timeout=0.05) as tx:
        tx.execute("select pg_sleep(5)")
    assert caught.value.code == "database_timeout"
    with pytest.raises(RetryLater), uow.write(user_id, CAUSE, timeout=0):
        pass


def test_writes_of_one_user_queue_and_a_long_wait_is_retry_later(database, user_id):
    uow = UnitOfWork(database("api"), source="/taskflow/tasks")
    with uow.write(user_id, CAUSE):
        with pytest.raises(RetryLater) as caught, uow.write(user_id, CAUSE, timeout=0.1):
            pass
        assert caught.value.code == "busy"
        assert isinstance(caught.value.__cause__, psycopg.errors.LockNotAvailable)
        with uow.write(user_id + "-other", CAUSE, timeout=0.5):
            pass  # other users do not wait


def test_change_seq_is_commit_order(database, user_id):
    uow = UnitOfWork(database("api", max_size=8), source="/taskflow/tasks")
    committed, lock = [], threading.Lock()

    def work():
        for _ in range(10):
            with uow.write(user_id, CAUSE, timeout=10) as tx:
                tx.emit(AccountChanged, **FIELDS)
                with lock:
                    committed.append(tx.change_seq)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert committed == list(range(1, 81))


def test_a_pooled_connection_that_died_is_replaced_without_the_caller_noticing(database, dsns, user_id):
    db = database("api", max_size=3)
    uow = UnitOfWork(db, source="/taskflow/tasks")
    with uow.read(user_id), uow.read(user_id), uow.read(user_id):
        pass
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'api' and datname = %s",
            (conninfo_to_dict(dsns["api"])["dbname"],),
        )
    with uow.write(user_id, CAUSE) as tx:
        assert tx.change_seq == 1


def test_a_connection_lost_in_the_middle_is_retry_later(uow, dsns, user_id):
    with pytest.raises(RetryLater) as caught, uow.write(user_id, CAUSE) as tx:
        pid = tx.execute("select pg_backend_pid()").fetchone()
        with psycopg.connect(dsns["admin"], autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s, 5000)", pid)
        tx.execute("select 1")
    assert caught.value.code == "database_unavailable"
    with uow.write(user_id, CAUSE) as tx:
        assert tx.change_seq == 1


def test_a_connection_lost_at_commit_has_an_unknown_outcome(uow, dsns, user_id):
    with pytest.raises(RetryLater) as caught, uow.write(user_id, CAUSE) as tx:
        pid = tx.execute("select pg_backend_pid()").fetchone()
        with psycopg.connect(dsns["admin"], autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s, 5000)", pid)
    assert caught.value.code == "outcome_unknown"


@pytest.fixture
def fail_at_commit(dsns, user_id):
    """`fail_at_commit("54000")`: COMMIT of what has touched the user's account ends with that SQLSTATE."""
    name = f"fail_{uuid.uuid4().hex[:12]}"

    def fail(code):
        owner.execute(f"""
            create function {name}() returns trigger language plpgsql
              as $$ begin raise exception using errcode = '{code}'; end $$""")
        owner.execute(f"""
            create constraint trigger {name} after insert or update on accounts
              deferrable initially deferred for each row when (new.user_id = '{user_id}')
              execute function {name}()""")

    def mend():
        owner.execute(f"drop function if exists {name} cascade")

    with psycopg.connect(dsns["owner"], autocommit=True) as owner:
        fail.mend = mend
        yield fail
        mend()


@pytest.mark.parametrize("emits", [True, False], ids=["in the pipeline", "alone"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("22003", psycopg.errors.NumericValueOutOfRange),
        ("23514", psycopg.errors.CheckViolation),
        ("23505", psycopg.errors.UniqueViolation),
        ("54000", psycopg.errors.ProgramLimitExceeded),
        ("40001", "busy"),
        ("55P03", "busy"),
        ("57014", "database_timeout"),
        ("53200", "database_unavailable"),
    ],
)
def test_a_failure_at_commit_has_the_verdict_of_a_failed_statement(
    database, user_id, fail_at_commit, code, kind, emits
):
    uow = UnitOfWork(database("api", max_size=1), source="/taskflow/tasks")
    fail_at_commit(code)
    with (
        pytest.raises(RetryLater if isinstance(kind, str) else kind) as caught,
        uow.write(user_id, CAUSE) as tx,
    ):
        if emits:
            tx.emit(AccountChanged, **FIELDS)
    if isinstance(kind, str):
        assert caught.value.code == kind
        assert caught.value.__cause__.sqlstate == code
    fail_at_commit.mend()
    for expected in range(1, 8):  # often enough for the driver to prepare its statements
        with uow.write(user_id, CAUSE) as tx:
            tx.emit(AccountChanged, **FIELDS)
            assert tx.change_seq == expected


def test_the_data_of_an_event_is_made_once(uow, user_id):
    made = []

    class Counted(AccountChanged):
        def data(self):
            made.append(self.event_id)
            return super().data()

    with uow.write(user_id, CAUSE) as tx:
        tx.emit(Counted, **FIELDS)
        tx.emit(Counted, **FIELDS)
    assert made == [row.event_id for row in events_of(uow, user_id)]


def test_a_deadlock_is_retry_later(database, user_id):
    uow = UnitOfWork(database("api"), source="/taskflow/tasks")
    others = [f"{user_id}-{n}" for n in (1, 2)]
    barrier, codes = threading.Barrier(2), []

    def cross(mine, other):
        try:
            with uow.record(user_id, CAUSE, timeout=5) as tx:
                tx.execute("select pg_advisory_xact_lock(9, hashtext(%s))", (mine,))
                barrier.wait()
                tx.execute("set local lock_timeout = 0")
                tx.execute("select pg_advisory_xact_lock(9, hashtext(%s))", (other,))
        except RetryLater as error:
            codes.append(error.code)

    threads = [threading.Thread(target=cross, args=pair) for pair in (others, others[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == ["busy"]


def test_an_exhausted_pool_is_retry_later(database, user_id):
    uow = UnitOfWork(database("api", max_size=1), source="/taskflow/tasks")
    with uow.read(user_id), pytest.raises(RetryLater), uow.read(user_id, timeout=0.1):
        pass


def test_no_server_is_retry_later(tmp_path, user_id):
    from shared.db.pool import Database

    db = Database(f"postgresql://api@/taskflow?host={tmp_path}")
    try:
        with pytest.raises(RetryLater), UnitOfWork(db, source="/x").read(user_id, timeout=0.3):
            pass
    finally:
        db.close()


def test_infinity_is_the_far_future_both_ways(uow, user_id):
    with uow.read(user_id) as tx:
        assert tx.execute("select 'infinity'::timestamptz").fetchone() == (FAR_FUTURE,)
        assert tx.execute("select %s = 'infinity'::timestamptz", (FAR_FUTURE,)).fetchone() == (True,)
        wall = datetime(2026, 1, 1, 8)
        assert tx.execute("select %s::timestamp, %s::timestamptz", (wall, tx.now)).fetchone() == (
            wall,
            tx.now,
        )


def test_the_simulated_clock_moves_transactions(database, user_id, sim_clock):
    uow = UnitOfWork(database("api", clock=sim_clock), source="/taskflow/tasks")
    with uow.write(user_id, CAUSE) as tx:
        first = tx.now
    sim_clock.advance(days=365)
    with uow.write(user_id, CAUSE) as tx:
        assert tx.now == first + timedelta(days=365)
        created = tx.execute("select created_at from accounts where user_id = %s", (user_id,)).fetchone()
    assert created == (first,)


def test_a_pooler_without_prepared_statements_gets_none(dsns, user_id):
    from shared.db.pool import Database

    separator = "&" if "?" in dsns["api"] else " "
    db = Database(f"{dsns['api']}{separator}prepare_threshold=none")
    try:
        uow = UnitOfWork(db, source="/taskflow/tasks")
        for _ in range(8):
            with uow.write(user_id, CAUSE) as tx:
                prepared = tx.execute("select count(*) from pg_prepared_statements").fetchone()
        assert prepared == (0,)
    finally:
        db.close()


@pytest.mark.parametrize("before", range(8))
def test_a_failed_pipeline_does_not_spoil_its_connection_for_others(database, user_id, before):
    """The driver counts as prepared what the server, after an error, has never read."""
    uow = UnitOfWork(database("api", max_size=1), source="/taskflow/tasks")
    for _ in range(before):
        with uow.write(user_id, CAUSE) as tx:
            taken = tx.emit(AccountChanged, **FIELDS)
    with pytest.raises(psycopg.Error), uow.write(user_id, CAUSE) as tx:
        taken = tx.emit(AccountChanged, **FIELDS)
        tx.emit(AccountChanged, **FIELDS | {"event_id": taken.event_id})
    for _ in range(8):
        with uow.write(user_id, CAUSE) as tx:
            tx.emit(AccountChanged, **FIELDS)
        with uow.read(user_id) as tx:
            tx.execute("select 1")


@pytest.mark.parametrize("failures", range(1, 11))
def test_a_failed_commit_leaves_no_connection_that_fails_by_itself(database, user_id, failures):
    """The driver prepares a statement once it has run five times; when the server skipped the one that did
    it, because an earlier one in the pipeline had failed, nothing may use it later.
    """
    uow = UnitOfWork(database("api", max_size=1), source="/taskflow/tasks")
    taken = uuid7(datetime.now(UTC))
    with uow.write(user_id, CAUSE) as tx:
        tx.emit(AccountChanged, **FIELDS, event_id=taken)
    for _ in range(failures):
        with pytest.raises(psycopg.errors.UniqueViolation), uow.write(user_id, CAUSE) as tx:
            tx.emit(AccountChanged, **FIELDS, event_id=taken)
    for _ in range(2):
        with uow.write(user_id, CAUSE):
            pass
    assert len(events_of(uow, user_id)) == 1


def test_a_lock_timeout_leaves_a_pool_that_works(database, user_id):
    holder = UnitOfWork(database("api"), source="/taskflow/tasks")
    waiter = UnitOfWork(database("api", max_size=1), source="/taskflow/tasks")
    for _ in range(6):  # the driver prepares a statement after five
        with holder.write(user_id, CAUSE), pytest.raises(RetryLater) as caught:
            waiter.write(user_id, CAUSE, timeout=0.5).__enter__()  # 0.45 s of it for the lock
        assert caught.value.code == "busy"
        with waiter.write(user_id, CAUSE) as tx:
            tx.emit(AccountChanged, **FIELDS)
    assert len(events_of(waiter, user_id)) == 6
