"""Expansions and the verbs of the API, all at once on one series: the record and the tasks always agree.

Threads start together at a barrier; whoever gets the user's account row first goes first. Nobody sleeps.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest
from flask import Flask, request

from functions.recurrence.handler import ACCEPTS, handle
from functions.tasks.series import verbs as series_verbs
from functions.tasks.tasks import verbs
from shared.db.repositories.series import Occurrences
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.identity import Actor
from shared.messaging import encoding
from shared.messaging.cloudevent import CloudEvent
from shared.runtime.event import consume
from shared.runtime.received import interpret

THREADS = 8
ROUNDS = 6
DAILY = {
    "title": "Water the plants",
    "due": "2026-06-01T08:00",
    "timezone": "Europe/London",
    "recurrence": {"rrule": "FREQ=DAILY", "mode": "catch_up"},
}
Action = Callable[[], Any]


@dataclass
class World:
    """One user, seen by the API, by `recurrence` and by the administrator."""

    user_id: str
    api: UnitOfWork
    consumer: UnitOfWork
    rows: Callable[..., list[tuple[Any, ...]]]
    refused: list[Exception] = field(default_factory=list)

    def do(self, verb: Callable[..., Any], *args: Any, **options: Any) -> Any:
        with self.api.write(self.user_id, Cause(Actor("user", self.user_id))) as tx:
            return verb(tx, *args, **options)

    def trying(self, verb: Callable[..., Any], *args: Any, **options: Any) -> Action:
        """The verb; that the state does not allow it is an answer too."""

        def act() -> Any:
            try:
                return self.do(verb, *args, **options)
            except (Conflict, NotFound, Invalid) as refused:
                self.refused.append(refused)
                return refused

        return act

    def events(self) -> list[CloudEvent]:
        """What the Trigger of `recurrence` lets through so far."""
        import json

        found = self.rows(
            """select event_id, source, type, data from outbox
               where user_id = %s and 'recurring' = any(extensions) and type = any(%s) order by seq, n""",
            self.user_id,
            list(ACCEPTS),
        )
        return [CloudEvent(id=str(i), source=s, type=t, data=json.loads(d)) for i, s, t, d in found]

    def delivery(self, event: CloudEvent) -> Action:
        def deliver() -> None:
            with self.consumer.write(self.user_id, Cause(Actor("function", "recurrence"))) as tx:
                handle(interpret(event, accepts=ACCEPTS), tx)

        return deliver

    def deliver_all(self) -> None:
        for event in self.events():
            self.delivery(event)()

    def open_task(self) -> Any:
        (found,) = self.rows(
            """select id from tasks where user_id = %s and status = 'open' and deleted_at is null
               and series_id is not null""",
            self.user_id,
        )
        return found[0]

    def check(self) -> None:
        """What must hold after every commit, so it may be checked at any time."""
        open_rows = self.rows(
            """select o.series_id, o.key, o.task_id, t.status, t.occurrence_key, t.deleted_at, s.state
               from occurrences o join series s on (s.user_id, s.id) = (o.user_id, o.series_id)
               join tasks t on (t.user_id, t.id) = (o.user_id, o.task_id)
               where o.user_id = %s and o.outcome = 'open'""",
            self.user_id,
        )
        series = [row[0] for row in open_rows]
        assert len(set(series)) == len(series), "two open occurrences of a series"
        for _, key, _, status, task_key, deleted_at, state in open_rows:
            assert (status, task_key) == ("open", key)
            assert deleted_at is None or state == "stopped"
        live = self.rows(
            """select id from tasks where user_id = %s and series_id is not null and status = 'open'
               and deleted_at is null""",
            self.user_id,
        )
        assert {i for (i,) in live} == {row[2] for row in open_rows if row[5] is None}, "an orphan"
        self._check_record()

    def _check_record(self) -> None:
        record = self.rows(
            """select o.series_id, o.key, o.ordinal, o.outcome, o.after_key, p.ordinal, t.status
               from occurrences o
               left join occurrences p
                 on (p.user_id, p.series_id, p.key) = (o.user_id, o.series_id, o.after_key)
               left join tasks t on (t.user_id, t.id) = (o.user_id, o.task_id)
               where o.user_id = %s order by o.series_id, o.ordinal""",
            self.user_id,
        )
        ordinals = [(row[0], row[2]) for row in record]
        assert len(set(ordinals)) == len(ordinals), "an ordinal twice"
        for _, key, ordinal, outcome, after_key, before, status in record:
            assert (after_key is None) == (before is None), key
            assert before is None or before < ordinal
            assert status == (None if outcome == "missed" else outcome)

    def settle(self) -> None:
        """Once every event has arrived, an active series has exactly one open occurrence."""
        self.check()
        self.deliver_all()
        self.check()
        for state, before, opened in self.rows(
            """select s.state, p.state, (select count(*) from occurrences o
                                         where o.series_id = s.id and o.outcome = 'open')
               from series s left join series p on (p.user_id, p.successor_id) = (s.user_id, s.id)
               where s.user_id = %s""",
            self.user_id,
        ):
            waiting = before not in (None, "ended")  # a successor whose time has not come
            assert opened == int(state == "active" and not waiting) or state == "stopped", state


@pytest.fixture
def make_world(database, rows, sim_clock) -> Callable[[str], World]:
    api = UnitOfWork(database("api", clock=sim_clock, max_size=THREADS), source="/taskflow/tasks")
    consumer = UnitOfWork(
        database("consumer", clock=sim_clock, max_size=THREADS), source="/taskflow/recurrence"
    )
    return lambda user_id: World(user_id, api, consumer, rows)


@pytest.fixture
def worlds(make_world, user_id) -> list[World]:
    return [make_world(f"{user_id}-{n}") for n in range(ROUNDS)]


def together(*actions: Action) -> list[Any]:
    """Run all of them from one barrier on; an exception that is no answer fails the test."""
    barrier = Barrier(len(actions))

    def start(action: Action) -> Any:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result() for future in [pool.submit(start, action) for action in actions]]


def completed(world: World, **fields: Any) -> Any:
    """A task whose completion waits for its expansion."""
    task = world.do(verbs.create, {**DAILY, **fields})
    world.do(verbs.complete, task.id)
    return task


def test_the_same_event_at_eight_consumers(worlds):
    for world in worlds:
        completed(world)
        (event,) = world.events()
        together(*[world.delivery(event)] * THREADS)
        world.settle()
        assert world.rows("select count(*) from tasks where user_id = %s", world.user_id) == [(2,)]


def test_the_same_event_through_the_adapter_leaves_one_inbox_row(worlds):
    for world in worlds:
        completed(world)
        (event,) = world.events()
        extensions = {"partitionkey": world.user_id, "schemaversion": "1", "recurring": "true"}
        headers, body = encoding.to_http(
            CloudEvent(
                id=event.id, source=event.source, type=event.type, data=event.data, extensions=extensions
            )
        )
        view, app = consume("recurrence", handle, uow=world.consumer, accepts=ACCEPTS), Flask("test")

        def post(app=app, view=view, headers=headers, body=body) -> int:
            while True:  # as the dispatcher: 409 and 503 come again
                with app.test_request_context("/", method="POST", headers=headers, data=body):
                    status = view(request).status_code
                if status not in (409, 503):
                    return status

        assert together(*[post] * THREADS) == [204] * THREADS
        world.settle()
        inbox = "select count(*) from inbox where consumer = 'recurrence' and user_id = %s"
        assert world.rows(inbox, world.user_id) == [(1,)]


def test_different_events_of_one_series(worlds):
    for world in worlds:
        task = world.do(verbs.create, DAILY)
        for _ in range(THREADS // 2):  # undone and done again: each completion has its own event
            world.do(verbs.complete, task.id)
            world.do(verbs.reopen, task.id)
            world.do(verbs.skip, task.id)
            world.do(verbs.reopen, task.id)
        world.do(verbs.complete, task.id)
        events = world.events()[-THREADS:]
        assert len({e.id for e in events}) == THREADS
        together(*map(world.delivery, events))
        world.settle()


def reopen(world: World, task: Any) -> Action:
    return world.trying(verbs.reopen, task.id)


def delete(world: World, task: Any) -> Action:
    return world.trying(verbs.delete, task.id)


def stop(world: World, task: Any) -> Action:
    return world.trying(series_verbs.stop, task.series_id)


def resume(world: World, task: Any) -> Action:
    return world.trying(series_verbs.resume, task.series_id)


def edit(world: World, task: Any) -> Action:
    return world.trying(series_verbs.edit, task.series_id, {"recurrence": {"every": "week", "mode": "fixed"}})


def split(world: World, task: Any) -> Action:
    return world.trying(series_verbs.edit, task.series_id, {"from": "2026-06-03T08:00", "title": "Other"})


def _on_open(verb: Callable[..., Any], *args: Any, **options: Any) -> Callable[[World, Any], Action]:
    """The verb on whichever task is open when its turn comes."""

    def make(world: World, task: Any) -> Action:
        def act(tx: Any) -> Any:
            opened = Occurrences(tx, task.series_id).open()
            return verb(tx, opened.task_id if opened else task.id, *args, **options)

        return world.trying(act)

    return make


patch_rule = _on_open(verbs.patch, {"recurrence": {"every": "week", "mode": "catch_up"}})
patch_due = _on_open(verbs.patch, {"due": "2026-06-01T20:00"})
patch_title = _on_open(verbs.patch, {"title": "mine"})
skip = _on_open(verbs.skip)
skip_missed = _on_open(verbs.skip, missed=True)
delete_open = _on_open(verbs.delete)
complete = _on_open(verbs.complete)
restore = _on_open(verbs.restore)
RIVALS = {
    "reopen": (reopen,),
    "delete": (delete, delete_open),
    "delete and restore": (delete_open, restore),
    "patch of recurrence": (patch_rule,),
    "patch of due": (patch_due,),
    "skip": (skip, skip_missed),
    "complete again": (complete, complete),
    "edit and split": (edit, split),
    "stop and resume": (stop, resume),
    "undo of what somebody touches": (reopen, patch_title),
    "everything": (reopen, delete_open, restore, patch_rule, skip, complete, split, stop, resume),
}


@pytest.mark.parametrize("name", RIVALS)
def test_expansion_racing(worlds, name):
    for number, world in enumerate(worlds):
        task = completed(world)
        world.do(verbs.create, {"title": "child", "parent_id": task.id})
        (event,) = world.events()
        actions = [
            world.delivery(event),
            *(rival(world, task) for rival in RIVALS[name]),
            world.delivery(event),
        ]
        together(*actions[number % len(actions) :], *actions[: number % len(actions)])
        world.settle()


def test_reopen_is_either_done_with_one_open_or_refused(worlds):
    for world in worlds:
        task = completed(world)
        (event,) = world.events()
        outcome, *_ = together(reopen(world, task), world.delivery(event), patch_title(world, task))
        world.settle()
        opened = world.open_task()
        if isinstance(outcome, Conflict):
            assert outcome.code == "newer_occurrence_changed"
            assert opened != task.id
        else:
            assert opened == task.id


def test_two_reopens_and_two_completions(worlds):
    for world in worlds:
        task = completed(world)
        world.deliver_all()
        together(
            *[reopen(world, task)] * 2, *[complete(world, task)] * 2, *map(world.delivery, world.events())
        )
        world.settle()


def test_a_long_walk_of_everybody(make_world, user_id):
    world = make_world(user_id)
    task = world.do(verbs.create, DAILY)
    walk = itertools.cycle([complete, skip, patch_title, complete, skip_missed, reopen])
    for _ in range(10):
        events = [world.delivery(event) for event in world.events()[-3:]]
        together(*events, *(next(walk)(world, task) for _ in range(5)))
        world.check()
    world.settle()
