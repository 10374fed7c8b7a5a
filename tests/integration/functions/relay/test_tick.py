"""The minute tick of `relay`: what others left unpublished, what nobody answered, what is old."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from functions.relay.outbox_sweep import OutboxSweep
from functions.relay.reconciliation import Reconciliation
from functions.relay.replay import Replay
from functions.relay.retention import Retention
from functions.relay.steps import run_all
from functions.relay.trash import Purge
from shared.db.store import failures, inbox
from shared.db.uow import UnitOfWork
from shared.domain.webhook import short_name
from shared.runtime.event import function, tick
from shared.testing.deliveries import CAUSE, TICK, post
from shared.testing.log import MemoryLog

TOPICS = ("task-events", "reminders", "task-updates")


@pytest.fixture
def log():
    return MemoryLog(TOPICS)


def of(log, user_id):
    return [record for record in log.stored if record.key == user_id]


def types(log, user_id):
    return [short_name(record.headers["ce_type"]) for record in of(log, user_id)]


@pytest.fixture
def relay(uow, log):
    unit = uow("relay", source="/taskflow/relay")
    sweep = OutboxSweep(unit, lambda: log)
    steps = (Purge(unit).run, Reconciliation(unit).run, Replay(unit).run, sweep.run, Retention(unit).run)
    return function("relay", on_tick=tick("relay", lambda: run_all(steps)))


@pytest.fixture
def answer(uow):
    """Leaves the inbox rows of `consumer` for a user's published events."""
    unit = uow("consumer")

    def run(log, user_id, consumer, *, but=None):
        for record in of(log, user_id):
            passed_over = but is not None and record.headers["ce_subject"] == str(but.id)
            if record.topic == "task-events" and not passed_over:
                with unit.record(user_id, CAUSE) as tx:
                    inbox.claim(tx, consumer, record.headers["ce_source"], record.headers["ce_id"])

    return run


def test_what_is_pending_is_published_in_order(relay, log, add_task, user_id):
    tasks = [add_task(user_id, title=f"t{n}") for n in range(5)]
    assert post(relay, TICK).status_code == 204
    subjects = [r.headers["ce_subject"] for r in of(log, user_id) if r.topic == "task-events"]
    assert subjects == [str(task.id) for task in tasks]
    count = len(of(log, user_id))
    post(relay, TICK)
    assert len(of(log, user_id)) == count


def test_two_relays_publish_every_row_once_and_in_order(relay, log, add_task):
    users = [f"user-{uuid4()}" for _ in range(10)]
    for owner in users:
        for n in range(4):
            add_task(owner, title=f"t{n}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: post(relay, TICK), range(2)))
    post(relay, TICK)
    for owner in users:
        ids = [r.headers["ce_id"] for r in of(log, owner)]
        assert (len(ids), len(set(ids))) == (8, 8)
        assert types(log, owner) == ["task.created", "task.changed"] * 4


def test_a_log_that_is_down_keeps_the_rows_for_the_next_tick(relay, log, rows, add_task, user_id):
    add_task(user_id)
    log.reachable = False
    assert post(relay, TICK).status_code == 503
    assert of(log, user_id) == []
    log.reachable = True
    post(relay, TICK)
    assert types(log, user_id) == ["task.created", "task.changed"]
    assert rows("select count(*) from outbox where user_id = %s and published_at is null", user_id) == [(0,)]


def test_a_log_that_is_down_does_not_stop_the_retention(relay, log, rows, add_task, user_id, sim_clock):
    add_task(user_id)
    post(relay, TICK)
    rows("update outbox set published_at = published_at - interval '8 days' where user_id = %s", user_id)
    add_task(f"other-{uuid4()}")
    log.reachable = False
    post(relay, TICK)
    log.reachable = True
    assert rows("select count(*) from outbox where user_id = %s", user_id) == [(0,)]
    post(relay, TICK)


@pytest.mark.parametrize("log", [MemoryLog(TOPICS[:2])])
def test_a_poison_row_dies_and_the_rest_goes_on(relay, log, rows, add_task, user_id, sim_clock):
    add_task(user_id)
    for _ in range(8):
        post(relay, TICK)
        sim_clock.advance(minutes=5)
    assert set(types(log, user_id)) == {"task.created"}
    assert rows(
        "select dead_at is not null from outbox where user_id = %s and topic = 'task-updates'", user_id
    ) == [(True,)]


def test_an_event_that_was_passed_over_is_published_again_three_times(
    relay, log, answer, add_task, user_id, sim_clock
):
    lost = add_task(user_id)
    for _ in range(7):
        post(relay, TICK)
        add_task(user_id)
        sim_clock.advance(seconds=1)
        post(relay, TICK)
        answer(log, user_id, "audit", but=lost)
        sim_clock.advance(minutes=3)
    created = [r for r in of(log, user_id) if r.headers["ce_subject"] == str(lost.id)]
    assert [r.topic for r in created] == ["task-events", "task-updates"] + ["task-events"] * 3
    assert len({(r.headers["ce_id"], r.value) for r in created if r.topic == "task-events"}) == 1


def test_a_consumer_that_is_merely_behind_is_never_sent_more(
    relay, log, answer, add_task, user_id, sim_clock
):
    add_task(user_id)
    post(relay, TICK)
    answer(log, user_id, "audit")
    for _ in range(4):
        add_task(user_id)
    for _ in range(20):
        post(relay, TICK)
        sim_clock.advance(minutes=10)
    assert types(log, user_id) == ["task.created", "task.changed"] * 5


def test_an_answered_event_is_left_alone(relay, log, answer, add_task, user_id, sim_clock):
    add_task(user_id)
    post(relay, TICK)
    answer(log, user_id, "audit")
    sim_clock.advance(minutes=3)
    post(relay, TICK)
    assert types(log, user_id) == ["task.created", "task.changed"]


def test_an_event_published_a_moment_ago_is_left_alone(relay, log, add_task, user_id, sim_clock):
    add_task(user_id)
    post(relay, TICK)
    sim_clock.advance(minutes=1)
    post(relay, TICK)
    assert types(log, user_id) == ["task.created", "task.changed"]


def test_a_recorded_failure_is_an_answer(relay, log, uow, add_task, user_id, sim_clock):
    add_task(user_id)
    post(relay, TICK)
    record = next(r for r in of(log, user_id) if r.topic == "task-events")
    with uow("consumer").record(user_id, CAUSE) as tx:
        failures.record_failure(
            tx, consumer="audit", source=record.headers["ce_source"], id=record.headers["ce_id"], type="x"
        )
    sim_clock.advance(minutes=3)
    post(relay, TICK)
    assert len(of(log, user_id)) == 2


def test_old_rows_are_forgotten_and_young_ones_kept(relay, log, answer, rows, add_task, user_id, sim_clock):
    add_task(user_id)
    post(relay, TICK)
    answer(log, user_id, "audit")
    insert = "insert into idempotency values (%s, 'k', 'x', 200, '{}', '', %s)"
    rows(insert, user_id, sim_clock.now)

    def kept():
        tables = ("outbox", "inbox", "idempotency")
        return [rows(f"select count(*) from {table} where user_id = %s", user_id)[0][0] for table in tables]

    for age, expected in ((timedelta(hours=23), [2, 1, 1]), (timedelta(hours=2), [2, 1, 0]),
                          (timedelta(days=7), [0, 1, 0]), (timedelta(days=23), [0, 0, 0])):  # fmt: skip
        sim_clock.advance(age)
        post(relay, TICK)
        assert kept() == expected


def test_without_a_database_the_tick_is_answered_503(no_database, log):
    nowhere = UnitOfWork(no_database, source="/taskflow/relay")
    view = function("relay", on_tick=tick("relay", lambda: run_all((OutboxSweep(nowhere, lambda: log).run,))))
    assert post(view, TICK).status_code == 503


def test_what_was_lost_longer_ago_is_found_within_the_hour(relay, log, answer, add_task, user_id, sim_clock):
    """A user's last event of the week; days later the next one proves that it was passed over."""
    lost = add_task(user_id)
    post(relay, TICK)
    sim_clock.advance(days=5, hours=7)  # no tick in between
    add_task(user_id)
    post(relay, TICK)
    answer(log, user_id, "audit", but=lost)
    for _ in range(60):
        sim_clock.advance(minutes=1)
        post(relay, TICK)
    subjects = [r.headers["ce_subject"] for r in of(log, user_id)]
    assert subjects.count(str(lost.id)) == 3


def test_one_partition_that_cannot_be_reached_holds_up_only_its_users(relay, log, rows, add_task):
    users = [f"user-{uuid4()}" for _ in range(12)]
    for owner in users:
        add_task(owner)
    log.unreachable = set(users[:3])
    assert post(relay, TICK).status_code == 204
    assert [len(of(log, owner)) for owner in users] == [0] * 3 + [2] * 9
    log.unreachable = set()
    post(relay, TICK)
    assert [types(log, owner) for owner in users] == [["task.created", "task.changed"]] * 12


def test_rows_that_make_the_client_fail_hold_up_only_their_user(relay, log, add_task):
    users = [f"user-{uuid4()}" for _ in range(5)]
    for owner in users:
        add_task(owner)
    log.broken = {users[0]}
    assert post(relay, TICK).status_code == 204
    ids = [{record.headers["ce_id"] for record in of(log, owner)} for owner in users]
    assert [len(found) for found in ids] == [0, 2, 2, 2, 2]


def test_one_user_cannot_take_the_whole_sweep(relay, log, uow, add_task, monkeypatch):
    monkeypatch.setattr("functions.relay.outbox_sweep.ROWS", 8)
    monkeypatch.setattr("functions.relay.outbox_sweep.CROWD", 2)
    many, *few = (f"user-{uuid4()}" for _ in range(6))
    for _ in range(40):
        add_task(many)
    for owner in few:
        add_task(owner)
    post(relay, TICK)
    first_round = [record.key for record in log.stored if record.key in {many, *few}][: 8 + 2 * 5]
    assert set(first_round) == {many, *few}
    assert len(of(log, many)) == 80


def test_a_log_that_is_down_ends_the_sweep_early(relay, log, add_task):
    for _ in range(30):
        add_task(f"user-{uuid4()}")
    log.reachable = False
    assert post(relay, TICK).status_code == 503
    assert log.calls <= 12
    log.reachable = True
    post(relay, TICK)
