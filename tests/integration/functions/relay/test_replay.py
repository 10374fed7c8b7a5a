"""Transient dead letters are published again by themselves until their consumer has answered."""

from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from functions.relay.dead_letters import DeadLetterDesk
from functions.relay.outbox_sweep import OutboxSweep
from functions.relay.reconciliation import Reconciliation
from functions.relay.replay import Replay
from functions.relay.steps import run_all
from shared.db.store import inbox
from shared.events.task import TaskCompleted, TaskUpdated
from shared.runtime.event import function, tick
from shared.testing.deliveries import CAUSE, TICK, post
from shared.testing.log import MemoryLog

HOST = {"knativeerrordest": "http://audit.todo-app.svc.cluster.local"}
TRANSIENT = {"function": "audit", "errorclass": "transient", "knativeerrorcode": "503"}


@pytest.fixture
def log():
    return MemoryLog(("task-events", "reminders", "task-updates"))


@pytest.fixture
def relay(uow, log):
    unit = uow("relay", source="/taskflow/relay")
    steps = (Reconciliation(unit).run, Replay(unit).run, OutboxSweep(unit, lambda: log).run)
    return DeadLetterDesk(unit).guard(function("relay", on_tick=tick("relay", lambda: run_all(steps))))


@pytest.fixture
def emit(uow):
    """An event that is in the outbox, as `tasks` emits it."""
    api = uow("api", source="/taskflow/tasks")

    def make(user_id, cls=TaskUpdated, **fields):
        with api.write(user_id, CAUSE) as tx:
            return tx.emit(cls, task_id=uuid4(), task_version=1, **fields)

    return make


@pytest.fixture
def sent(log):
    """How often an event was published."""
    return lambda event: [r.headers["ce_id"] for r in log.stored].count(str(event.event_id))


@pytest.fixture
def state(rows):
    def of(event):
        sql = "select error_class, replays, next_replay_at, resolved_at from event_failures where ce_id = %s"
        return rows(sql, str(event.event_id))[0]

    return of


def test_the_next_tick_publishes_it_again_with_its_id_until_the_consumer_has_it(
    relay, log, emit, sent, state, uow, user_id, sim_clock
):
    event = emit(user_id)
    post(relay, TICK)
    post(relay, event, **TRANSIENT)
    sim_clock.advance(seconds=5)
    post(relay, TICK)
    assert sent(event) == 2
    first, second = (r for r in log.stored if r.key == user_id)
    assert (first.topic, first.headers, first.value) == (second.topic, second.headers, second.value)
    with uow("consumer").record(user_id, CAUSE) as tx:
        inbox.claim(tx, "audit", "/taskflow/tasks", str(event.event_id))
    for _ in range(5):
        sim_clock.advance(minutes=2)
        post(relay, TICK)
    assert sent(event) == 2
    error_class, replays, next_at, resolved_at = state(event)
    assert (error_class, replays, next_at) == ("transient", 1, None)
    assert resolved_at is not None


def test_it_backs_off_to_an_hour_and_never_gives_up(relay, emit, sent, user_id, sim_clock):
    event, times = emit(user_id), []
    post(relay, TICK)
    post(relay, event, **TRANSIENT)
    for _ in range(9 * 60):
        before = sent(event)
        post(relay, TICK)
        if sent(event) > before:
            times.append(sim_clock.now)
            sim_clock.advance(seconds=20)
            post(relay, event, **TRANSIENT)  # in vain again
            sim_clock.advance(seconds=40)
        else:
            sim_clock.advance(minutes=1)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    minutes = [round(pause / timedelta(minutes=1)) for pause in pauses]
    assert minutes[:7] == [1, 2, 3, 6, 12, 24, 48]
    assert set(minutes[7:]) == {60}
    assert len(minutes) > 10


def test_a_verdict_ends_it(relay, emit, sent, state, user_id, sim_clock):
    event = emit(user_id)
    post(relay, TICK)
    post(relay, event, **TRANSIENT)
    post(relay, TICK)
    post(relay, event, function="audit", errorclass="permanent", knativeerrorcode="422")
    for _ in range(5):
        sim_clock.advance(minutes=30)
        post(relay, TICK)
    assert sent(event) == 2
    assert state(event)[:3] == ("permanent", 1, None)


@pytest.mark.parametrize(
    ("extensions", "replayed"),
    [
        (HOST, True),  # nobody answered: killed, or not reachable
        (HOST | {"knativeerrorcode": "503"}, True),  # the activator, the proxy
        (HOST | {"knativeerrorcode": "404"}, True),  # the gateway before the route is there
        (HOST | {"knativeerrorcode": "500", "errorclass": "bug", "function": "audit"}, True),
        (HOST | {"knativeerrorcode": "422"}, False),
        (HOST | {"knativeerrorcode": "503", "errorclass": "permanent", "function": "audit"}, False),
        ({"knativeerrordest": "http://somebody.else"}, False),
        ({"function": "recurrence", "errorclass": "transient"}, False),  # it does not recur
    ],
)
def test_which_are_replayed(relay, emit, sent, user_id, extensions, replayed):
    event = emit(user_id)
    post(relay, TICK)
    post(relay, event, **extensions)
    post(relay, TICK)
    assert sent(event) == (2 if replayed else 1)


def test_two_consumers_of_one_event_cost_one_publication(relay, emit, sent, user_id):
    event = emit(user_id, TaskCompleted, recurring=True)
    post(relay, TICK)
    for name in ("audit", "recurrence"):
        post(relay, event, function=name, errorclass="transient")
    post(relay, TICK)
    assert sent(event) == 2


def test_an_event_that_is_not_ours_is_never_published(relay, log, task_event, rows, user_id):
    forged = task_event(user_id)
    post(relay, forged, **TRANSIENT)
    post(relay, TICK)
    assert [r for r in log.stored if r.key == user_id] == []
    [(next_at,)] = rows("select next_replay_at from event_failures where ce_id = %s", str(forged.event_id))
    assert next_at is None


def test_a_tick_replays_a_bounded_number_and_everybody_in_turn(relay, emit, sent, monkeypatch):
    monkeypatch.setattr("functions.relay.replay.PAGE", 4)
    monkeypatch.setattr("functions.relay.replay.PAGES", 1)
    many, *few = (f"user-{uuid4()}" for _ in range(4))
    events = [emit(many) for _ in range(10)]
    others = [emit(owner) for owner in few]
    post(relay, TICK)
    for event in [*events, *others]:
        post(relay, event, **TRANSIENT)
    post(relay, TICK)
    assert [sent(event) for event in others] == [2, 2, 2]
    assert sum(sent(event) for event in events) == 11
    for _ in range(3):
        post(relay, TICK)
    assert [sent(event) for event in events] == [2] * 10


def test_one_users_locked_row_does_not_stop_the_others(relay, emit, sent, dsns, sim_clock):
    first, second = f"a-{uuid4()}", f"b-{uuid4()}"
    events = [emit(first), emit(second)]
    post(relay, TICK)
    for event in events:
        post(relay, event, **TRANSIENT)
    name = conninfo_to_dict(dsns["owner"])["dbname"]
    with psycopg.connect(dsns["admin"], dbname=name) as blocker:
        blocker.execute("select from event_failures where user_id = %s for update", (first,))
        assert post(relay, TICK).status_code == 204
        assert [sent(event) for event in events] == [1, 2]
        blocker.rollback()
    post(relay, TICK)
    assert sent(events[0]) == 2


def test_an_open_letter_is_an_answer_to_reconciliation(relay, emit, sent, state, uow, user_id, sim_clock):
    lost = emit(user_id)
    post(relay, TICK)
    post(relay, lost, function="audit", errorclass="permanent", knativeerrorcode="422")
    later = emit(user_id)
    post(relay, TICK)
    with uow("consumer").record(user_id, CAUSE) as tx:
        inbox.claim(tx, "audit", "/taskflow/tasks", str(later.event_id))
    sim_clock.advance(minutes=5)
    post(relay, TICK)
    assert sent(lost) == 1
