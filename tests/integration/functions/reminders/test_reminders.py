"""The reminder sweep against PostgreSQL: late perhaps, early never, lost never, twice never."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from functions.reminders.service import Sweep
from shared.db.repositories.tasks import Tasks
from shared.db.uow import UnitOfWork
from shared.events.task import TaskCompleted, TaskDeleted, TaskUpdated
from shared.runtime import deadline
from shared.runtime.event import function, tick
from shared.testing.deliveries import CAUSE, TICK, post

DUE = "io.taskflow.reminder.due.v1"


@pytest.fixture
def reminders(uow):
    sweep = Sweep(uow("ticker", source="/taskflow/reminders"))
    return function("reminders", on_tick=tick("reminders", sweep.run))


@pytest.fixture
def emitted(rows):
    def of(user_id):
        sql = "select data, topic, event_id, seq from outbox where user_id = %s and type = %s order by seq, n"
        return rows(sql, user_id, DUE)

    return of


@pytest.fixture
def states(rows):
    def of(user_id):
        return [
            s for (s,) in rows("select state from reminders where user_id = %s order by remind_at", user_id)
        ]

    return of


def test_nothing_is_emitted_early(reminders, emitted, add_task, user_id, sim_clock):
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(seconds=59.9)
    assert post(reminders, TICK).status_code == 204
    assert emitted(user_id) == []
    sim_clock.advance(seconds=0.1)
    post(reminders, TICK)
    assert len(emitted(user_id)) == 1


def test_the_event_says_what_is_due(reminders, emitted, rows, add_task, user_id, sim_clock):
    due = sim_clock.now + timedelta(hours=1)
    at = sim_clock.now + timedelta(minutes=5)
    task = add_task(user_id, title="Pay the rent", at=[at], due=due)
    sim_clock.advance(minutes=6)
    post(reminders, TICK)
    [(data, topic, _, seq)] = emitted(user_id)
    event = json.loads(data)
    assert topic == "reminders"
    assert (event["task_id"], event["task_version"], event["title"]) == (str(task.id), 1, "Pay the rent")
    assert event["remind_at"] == "2026-01-01T12:05:00Z"
    assert (event["due"], event["due_at"]) == ("2026-01-01T13:00Z", "2026-01-01T13:00:00Z")
    assert event["channels"] == ["in_app"]
    assert event["actor"] == {"kind": "function", "id": "reminders"}
    sql = "select reminder_sent, version, change_seq, last_change from tasks where user_id = %s"
    assert rows(sql, user_id) == [(True, 1, seq, "updated")]


def test_a_second_tick_finds_nothing(reminders, emitted, states, add_task, user_id, sim_clock):
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=n) for n in (1, 2)])
    sim_clock.advance(minutes=5)
    for _ in range(3):
        post(reminders, TICK)
    assert len(emitted(user_id)) == 2
    assert states(user_id) == ["sent", "sent"]


def test_ten_ticks_at_once_emit_each_reminder_once(reminders, emitted, add_task, sim_clock):
    users = [f"user-{uuid4()}" for _ in range(8)]
    for owner in users:
        add_task(owner, at=[sim_clock.now + timedelta(minutes=n) for n in (1, 2, 3)])
    sim_clock.advance(minutes=5)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: post(reminders, TICK), range(10)))
    post(reminders, TICK)
    assert [len(emitted(owner)) for owner in users] == [3] * len(users)
    assert len({row[2] for owner in users for row in emitted(owner)}) == 3 * len(users)


def test_after_an_hour_without_ticks_all_is_emitted_oldest_first(
    reminders, emitted, states, add_task, user_id, sim_clock
):
    start = sim_clock.now
    for minute in range(60, 0, -4):
        add_task(user_id, at=[start + timedelta(minutes=minute)])
    sim_clock.advance(hours=1)
    post(reminders, TICK)
    instants = [json.loads(data)["remind_at"] for data, *_ in emitted(user_id)]
    assert len(instants) == 15
    assert instants == sorted(instants)
    assert set(states(user_id)) == {"sent"}


def test_a_task_that_ended_meanwhile_is_not_reminded_of(
    reminders, emitted, states, rows, uow, add_task, user_id, sim_clock
):
    tasks = [add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)]) for _ in range(3)]
    done, deleted, _ = tasks
    sim_clock.advance(minutes=2)
    with uow("api").write(user_id, CAUSE) as tx:
        Tasks(tx).change(done, done.completed(tx.now), TaskCompleted)
        Tasks(tx).change(deleted, deleted.changed(tx.now, deleted_at=tx.now), TaskDeleted)
    # Whoever ended them may have cancelled the rows; the sweep must not depend on it.
    rows("update reminders set state = 'scheduled' where user_id = %s", user_id)
    post(reminders, TICK)
    assert len(emitted(user_id)) == 1
    assert sorted(states(user_id)) == ["cancelled", "cancelled", "sent"]


def test_a_reminder_that_is_scheduled_again_is_still_one_event(
    reminders, emitted, states, rows, add_task, user_id, sim_clock
):
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(minutes=2)
    post(reminders, TICK)
    rows("update reminders set state = 'scheduled' where user_id = %s", user_id)
    assert post(reminders, TICK).status_code == 204
    assert len(emitted(user_id)) == 1
    assert states(user_id) == ["sent"]


def test_a_crash_before_commit_loses_and_doubles_nothing(
    uow, reminders, emitted, add_task, user_id, sim_clock, monkeypatch
):
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(minutes=2)

    def die(name):
        if name == "reminders:before_commit":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("functions.reminders.service.failpoint", die)
        with pytest.raises(KeyboardInterrupt):
            Sweep(uow("ticker")).run()
    assert emitted(user_id) == []
    post(reminders, TICK)
    assert len(emitted(user_id)) == 1


def test_one_users_failure_does_not_stop_the_others(reminders, emitted, states, rows, add_task, sim_clock):
    first, second = f"a-{uuid4()}", f"b-{uuid4()}"
    at = sim_clock.now + timedelta(minutes=1)
    add_task(first, at=[at], title="x" * 200)
    add_task(second, at=[at + timedelta(seconds=1)])
    sim_clock.advance(minutes=2)
    # A row that cannot be written: its event would exceed the outbox's limit.
    rows("update tasks set title = repeat('x', 70000) where user_id = %s", first)
    assert post(reminders, TICK).status_code == 204
    assert (len(emitted(first)), len(emitted(second))) == (0, 1)
    assert states(first) == ["scheduled"]
    rows("update tasks set title = 'short' where user_id = %s", first)
    post(reminders, TICK)
    assert len(emitted(first)) == 1


def test_more_than_a_batch_of_one_user(reminders, states, add_task, user_id, sim_clock, monkeypatch):
    monkeypatch.setattr("functions.reminders.service.REMINDERS", 2)
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=n) for n in range(1, 6)])
    sim_clock.advance(minutes=10)
    post(reminders, TICK)
    assert states(user_id) == ["sent"] * 5


def test_a_used_up_budget_leaves_the_rest_to_the_next_tick(
    uow, reminders, states, add_task, user_id, sim_clock
):
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(minutes=2)
    with deadline.within(1):
        Sweep(uow("ticker")).run()
    assert states(user_id) == ["scheduled"]
    post(reminders, TICK)
    assert states(user_id) == ["sent"]


def test_a_matching_endpoint_adds_the_webhook_channel(reminders, emitted, rows, add_task, user_id, sim_clock):
    add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    rows("update accounts set webhook_events = '{reminder.*}' where user_id = %s", user_id)
    sim_clock.advance(minutes=2)
    post(reminders, TICK)
    [(data, *_)] = emitted(user_id)
    assert json.loads(data)["channels"] == ["in_app", "webhook"]
    assert rows("select extensions from outbox where user_id = %s and type = %s", user_id, DUE) == [
        (["webhooks"],)
    ]


def test_without_a_database_the_tick_is_answered_503(no_database):
    nowhere = UnitOfWork(no_database, source="/taskflow/reminders")
    view = function("reminders", on_tick=tick("reminders", Sweep(nowhere).run))
    assert post(view, TICK).status_code == 503


def test_an_edit_between_the_instant_and_the_tick_does_not_lose_the_reminder(
    reminders, emitted, uow, add_task, user_id, sim_clock
):
    task = add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(minutes=1, seconds=10)
    with uow("api").write(user_id, CAUSE) as tx:
        Tasks(tx).change(task, task.changed(tx.now, title="Water the garden"), TaskUpdated)
    sim_clock.advance(seconds=20)
    post(reminders, TICK)
    [(data, *_)] = emitted(user_id)
    assert json.loads(data)["title"] == "Water the garden"


def test_a_reminder_that_was_withdrawn_before_the_tick_is_not_sent(
    reminders, emitted, states, uow, add_task, user_id, sim_clock
):
    task = add_task(user_id, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(minutes=1, seconds=10)
    with uow("api").write(user_id, CAUSE) as tx:
        Tasks(tx).change(task, task.changed(tx.now, reminders=[]), TaskUpdated)
    post(reminders, TICK)
    assert emitted(user_id) == []
    assert states(user_id) == ["cancelled"]


def test_a_crowd_is_served_page_by_page_and_turn_by_turn(
    reminders, emitted, states, add_task, sim_clock, monkeypatch
):
    for name, size in (("PAGE", 3), ("USERS", 2), ("REMINDERS", 2)):
        monkeypatch.setattr(f"functions.reminders.service.{name}", size)
    many, *few = (f"user-{uuid4()}" for _ in range(5))
    at = sim_clock.now + timedelta(minutes=1)
    for n in range(7):
        add_task(many, at=[at + timedelta(seconds=n)])
    for owner in few:
        add_task(owner, at=[at])
    sim_clock.advance(minutes=5)
    post(reminders, TICK)
    assert states(many) == ["sent"] * 7
    assert [len(emitted(owner)) for owner in (many, *few)] == [7, 1, 1, 1, 1]


def test_a_user_who_is_busy_holds_up_nobody(reminders, emitted, add_task, dsns, sim_clock):
    busy, other = f"a-{uuid4()}", f"b-{uuid4()}"
    for owner in (busy, other):
        add_task(owner, at=[sim_clock.now + timedelta(minutes=1)])
    sim_clock.advance(minutes=2)
    name = conninfo_to_dict(dsns["owner"])["dbname"]
    with psycopg.connect(dsns["admin"], dbname=name) as blocker:
        blocker.execute("select from accounts where user_id = %s for update", (busy,))
        assert post(reminders, TICK).status_code == 204
        assert [len(emitted(owner)) for owner in (busy, other)] == [0, 1]
        blocker.rollback()
    post(reminders, TICK)
    assert [len(emitted(owner)) for owner in (busy, other)] == [1, 1]
