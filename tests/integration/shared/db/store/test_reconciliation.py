"""Failures, skips and the search for events that nobody answered."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.db.store import failures, inbox, outbox
from shared.db.store.reconciliation import MAX_REPUBLISHED, republish, unanswered
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.events.reminder import ReminderDue
from shared.events.task import TaskChanged, TaskCompleted, TaskCreated

CAUSE = Cause(Actor("function", "test"))
SOURCE = "/taskflow/tasks"


@pytest.fixture
def world(database, sim_clock, user_id):
    class World:
        clock = sim_clock
        api = UnitOfWork(database("api", clock=sim_clock), source=SOURCE)
        consumer = UnitOfWork(database("consumer", clock=sim_clock), source="/taskflow/audit")
        relay = UnitOfWork(database("relay", clock=sim_clock), source="/taskflow/relay")

        def publish(self):
            with self.api.record(user_id, CAUSE) as tx:
                rows = outbox.pending(tx, user_id)
                if rows:
                    outbox.mark_published(tx, rows)
                return rows

        def missing(self, **options):
            with self.relay.sweep() as tx:
                found = unanswered(
                    tx,
                    since=sim_clock.now - timedelta(days=1),
                    until=sim_clock.now + timedelta(seconds=1),
                    before=sim_clock.now + timedelta(seconds=1),
                    **options,
                )
            return [u for u in found if u.user_id == user_id]

        def emit(self, event, **fields):
            with self.api.write(user_id, CAUSE) as tx:
                return tx.emit(event, task_id=uuid4(), task_version=1, **fields)

        def answer(self, event, *names):
            with self.consumer.record(user_id, CAUSE) as tx:
                for name in names:
                    inbox.claim(tx, name, SOURCE, str(event.event_id))

        def proof(self, *names):
            """A later event that these consumers answer, after it was published."""
            event = self.emit(TaskCompleted, recurring=True, webhooks=True)
            sim_clock.advance(seconds=1)
            self.publish()
            self.answer(event, *names)

    # A year of its own for each test, so that other tests' rows are outside the window.
    sim_clock.advance(days=int(user_id[-4:], 16) * 3 + 10_000)
    return World()


def names(found):
    return [(u.type.split(".")[3], u.consumers) for u in found]


def test_everybody_the_catalog_expects_is_missed_until_they_answer(world, user_id):
    created = world.emit(TaskCreated)
    done = world.emit(TaskCompleted, recurring=True, webhooks=True)
    world.emit(TaskChanged, change_token=1)  # a hint needs no answer
    assert world.missing() == []  # not published yet
    world.publish()
    assert world.missing() == []  # nobody has answered anything later
    world.proof("audit", "notifications", "recurrence")
    assert sorted(names(world.missing())) == [
        ("completed", ["audit", "notifications", "recurrence"]),
        ("created", ["audit"]),
    ]
    with world.consumer.record(user_id, CAUSE) as tx:
        inbox.claim(tx, "audit", SOURCE, str(created.event_id))
        inbox.claim(tx, "audit", SOURCE, str(done.event_id))
        failures.record_failure(
            tx, consumer="recurrence", source=SOURCE, id=str(done.event_id), type=done.type
        )
    assert names(world.missing()) == [("completed", ["notifications"])]
    with world.consumer.record(user_id, CAUSE) as tx:
        failures.record_skip(
            tx, consumer="notifications", source=SOURCE, id=str(done.event_id), type=done.type,
            schema_version="9", event={"id": "x\0"},
        )  # fmt: skip
    assert world.missing() == []


def test_a_lost_event_is_sent_again_with_its_id_and_three_times_at_most(world, user_id):
    event = world.emit(TaskCreated)
    world.publish()
    for _ in range(MAX_REPUBLISHED):
        world.proof("audit")
        with world.relay.sweep() as tx:
            assert republish(tx, user_id, world.missing()) == 1
        world.clock.advance(seconds=1)
        assert [row.event_id for row in world.publish()] == [event.event_id]
        assert world.missing() == []  # what was answered before it was sent again proves nothing
    world.proof("audit")
    assert world.missing() == []
    (exhausted,) = world.missing(exhausted=True)
    with world.relay.sweep() as tx:
        assert republish(tx, user_id, [exhausted]) == 0


def test_a_consumer_that_is_behind_is_sent_nothing(world):
    """It answers in order: whatever it has not reached yet is on its way, be it an hour."""
    events = [world.emit(TaskCompleted, recurring=True) for _ in range(6)]
    world.publish()
    for event in events[:3]:
        world.answer(event, "audit", "recurrence")
    world.clock.advance(hours=1)
    assert world.missing() == []
    world.answer(events[5], "recurrence")
    assert names(world.missing()) == [("completed", ["recurrence"])] * 2
    for event in events[3:5]:
        world.answer(event, "recurrence")
    assert world.missing() == []


def test_another_topic_proves_nothing(world):
    """`notifications` reads two topics, each by a feed of its own."""
    world.emit(TaskCreated, webhooks=True)
    world.publish()
    reminded = world.emit(
        ReminderDue, reminder_id=uuid4(), remind_at=world.clock.now, title="t", due=None, due_at=None,
        channels=("in_app",),
    )  # fmt: skip
    world.publish()
    world.answer(reminded, "notifications")
    assert world.missing() == []
    world.proof("notifications")
    assert names(world.missing()) == [("created", ["notifications"])]


def test_one_user_has_a_bounded_part_of_a_page(world):
    for _ in range(60):
        world.emit(TaskCreated)
    world.publish()
    world.proof("audit")
    assert len(world.missing()) == 50
    assert [event.seq for event in world.missing(limit=2)] == [1, 2]


def test_nothing_is_sent_again_while_the_user_is_drained(world, user_id):
    world.emit(TaskCreated)
    world.publish()
    world.proof("audit")
    found = world.missing()
    assert len(found) == 1
    with world.api.record(user_id, CAUSE) as drain, world.relay.sweep() as tx:
        assert outbox.try_lock(drain, user_id)
        assert republish(tx, user_id, found) == 0
        assert republish(tx, user_id, []) == 0


def test_the_first_verdict_stays_and_odd_text_is_stored(world, user_id, dsns):
    for code in ("first", "second"):
        with world.consumer.record(user_id, CAUSE) as tx:
            failures.record_failure(
                tx, consumer="audit", source=SOURCE, id=user_id, type="t", status=422, code=code,
                detail="nul \0", event={"data": {"list": ["\0"], "n": 1}},
            )  # fmt: skip
    with world.relay.sweep() as tx:
        row = tx.execute(
            "select code, detail, event, failed_at from event_failures where ce_id = %s", (user_id,)
        )
        assert row.fetchone() == (
            "first",
            "nul \ufffd",
            {"data": {"list": ["\ufffd"], "n": 1}},
            world.clock.now,
        )
        assert tx.execute("select count(*) from event_failures where ce_id = %s", (user_id,)).fetchone() == (
            1,
        )


def test_an_event_that_names_no_user_is_recorded_for_relay(world, user_id):
    with world.consumer.sweep() as tx:
        failures.record_failure(tx, consumer="audit", source=SOURCE, id=user_id, type="t", code="no_user")
    with world.relay.sweep() as tx:
        found = tx.execute("select code from event_failures where ce_id = %s", (user_id,))
        assert found.fetchall() == [("no_user",)]
