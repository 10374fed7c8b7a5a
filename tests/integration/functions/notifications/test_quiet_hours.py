"""Quiet hours: reminders reach endpoints after them, once, whatever dies meanwhile; the inbox at once."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.reminders.service import Sweep as ReminderSweep
from functions.tasks.account import verbs as account
from shared.domain.identity import uuid7
from shared.events.reminder import ReminderDue
from shared.testing.deliveries import CAUSE, TICK, post

NIGHT = {"from": "22:00", "to": "07:00"}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Killed(BaseException):
    """A process dies here."""


@pytest.fixture
def settings(world):
    def change(user_id, **given):
        with world.api.write(user_id, CAUSE) as tx:
            account.change(tx, given)

    return change


@pytest.fixture
def reminder(task_event, sim_clock):
    def make(user_id):
        fields = {"reminder_id": uuid7(sim_clock.now), "remind_at": sim_clock.now, "title": "Sleep"}
        return task_event(
            user_id,
            ReminderDue,
            **fields,
            due=None,
            due_at=None,
            channels=("in_app", "webhook"),
            webhooks=True,
        )

    return make


@pytest.fixture
def night(world, settings, receiver, user_id, sim_clock):
    """23:00 of a user with quiet hours and an endpoint."""
    world.endpoint(user_id, receiver.url)
    settings(user_id, quiet_hours=NIGHT)
    sim_clock.now = utc("2026-06-01T23:00")


def minutes(world, sim_clock, count, *, each=1):
    for _ in range(count):
        sim_clock.advance(minutes=each)
        assert post(world.view, TICK).status_code == 204


def test_a_reminder_waits_for_the_end_and_the_inbox_does_not(
    world, night, reminder, deliveries, rows, user_id, receiver, sim_clock
):
    event = reminder(user_id)
    assert post(world.view, event).status_code == 204
    assert world.sender.wait_idle(10)
    assert deliveries(user_id) == [("pending", 0, None, utc("2026-06-02T07:00"))]
    assert rows("select event_id from notifications where user_id = %s", user_id) == [(event.event_id,)]
    sim_clock.now = utc("2026-06-02T06:58")
    minutes(world, sim_clock, 1)
    assert receiver.requests == []
    minutes(world, sim_clock, 1)
    assert receiver.ids == [str(event.event_id)]


def test_other_events_are_sent_at_night(world, night, task_event, user_id, receiver):
    post(world.view, task_event(user_id, webhooks=True))
    assert world.sender.wait_idle(10)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        ("America/New_York", "2026-03-08T04:00", "2026-03-08T11:00"),  # the night that loses an hour
        ("America/New_York", "2026-11-01T04:00", "2026-11-01T12:00"),  # and the one that gains one
        ("Asia/Kolkata", "2026-06-01T16:30", "2026-06-02T01:30"),
    ],
)
def test_the_users_clock_decides(world, night, settings, reminder, deliveries, user_id, sim_clock, zone, at, until):  # fmt: skip  # noqa: E501  # fixtures
    settings(user_id, timezone=zone)
    sim_clock.now = utc(at)
    post(world.view, reminder(user_id))
    assert deliveries(user_id)[0][3] == utc(until)


def test_a_retry_does_not_fall_into_the_night(
    world, night, reminder, deliveries, user_id, receiver, sim_clock
):
    sim_clock.now = utc("2026-06-01T21:59:58")
    receiver.answers = [500]
    event = reminder(user_id)
    post(world.view, event)
    assert world.sender.wait_idle(10)
    assert deliveries(user_id)[0][:2] == ("pending", 1)
    minutes(world, sim_clock, 30)
    assert len(receiver.requests) == 1
    assert deliveries(user_id) == [("pending", 1, 500, utc("2026-06-02T07:00"))]
    sim_clock.now = utc("2026-06-02T07:00")
    post(world.view, TICK)
    assert (len(receiver.requests), receiver.effects) == (2, {str(event.event_id)})


def test_what_an_outage_delayed_into_the_night_waits_too(
    world, night, write_only, reminder, user_id, receiver, sim_clock
):
    sim_clock.now = utc("2026-06-01T21:30")
    post(write_only, reminder(user_id))  # and the sender is down until 22:30
    sim_clock.now = utc("2026-06-01T22:29")
    minutes(world, sim_clock, 2)
    assert receiver.requests == []
    sim_clock.now = utc("2026-06-02T07:00")
    post(world.view, TICK)
    assert len(receiver.requests) == 1


def test_a_doubled_tick_after_the_night_sends_each_once(
    world, night, write_only, reminder, user_id, receiver, sim_clock
):
    events = [reminder(user_id) for _ in range(5)]
    for event in events:
        post(write_only, event)
    sim_clock.now = utc("2026-06-02T08:00")  # the ticks of an hour are missing
    for _ in range(2):
        post(world.view, TICK)
    assert sorted(receiver.ids) == sorted(str(event.event_id) for event in events)


@pytest.mark.parametrize("name", ["deliver:after_claim", "deliver:after_send", "deliver:after_mark"])
@pytest.mark.parametrize("dies_at", ["2026-06-01T21:59:30", "2026-06-02T07:00"])
def test_a_crash_at_the_edge_of_the_night_loses_nothing_and_has_one_effect(
    world, night, write_only, reminder, deliveries, user_id, receiver, sim_clock, monkeypatch, name, dies_at
):
    sim_clock.now = utc("2026-06-01T21:59:00" if dies_at < "2026-06-02" else "2026-06-01T23:00")
    event = reminder(user_id)
    post(write_only, event)
    sim_clock.now = utc(dies_at)
    armed = [name]

    def die(reached):
        if reached in armed:
            armed.clear()
            raise Killed

    monkeypatch.setattr("functions.notifications.courier.failpoint", die)
    with pytest.raises(Killed):
        world.deliver(user_id)
    at_night = []
    for _ in range(10 * 60):
        sim_clock.advance(minutes=1)
        before = len(receiver.requests)
        world.deliver(user_id)
        if len(receiver.requests) > before:
            at_night.append(sim_clock.now)
    assert receiver.effects == {str(event.event_id)}
    assert deliveries(user_id)[0][0] == "sent"
    assert all(not (at.hour >= 22 or at.hour < 7) for at in at_night)


def test_shorter_quiet_hours_let_go_what_waits(
    world, night, settings, reminder, user_id, receiver, sim_clock
):
    post(world.view, reminder(user_id))
    settings(user_id, quiet_hours={"from": "23:30", "to": "07:00"})
    post(world.view, TICK)
    assert len(receiver.requests) == 1
    sim_clock.now = utc("2026-06-01T23:40")
    post(world.view, reminder(user_id))
    settings(user_id, quiet_hours={"from": "22:00", "to": "06:00"})  # still quiet, until another time
    post(world.view, TICK)
    assert len(receiver.requests) == 1
    sim_clock.now = utc("2026-06-02T06:00")
    post(world.view, TICK)
    assert len(receiver.requests) == 2


def test_an_hour_without_ticks_from_reminder_to_receiver(
    world, settings, uow, rows, add_task, user_id, receiver, sim_clock
):
    """The whole way over an outage that ends in the night: none lost, none early, one effect each."""
    world.endpoint(user_id, receiver.url, "reminder.due")
    settings(user_id, quiet_hours=NIGHT)
    sim_clock.now = start = utc("2026-06-01T21:00")
    for minute in range(0, 90, 10):
        add_task(user_id, at=[start + timedelta(minutes=minute + 1)])
    sweep = ReminderSweep(uow("ticker", source="/taskflow/reminders"))
    known: set[str] = set()

    def tick():
        sweep.run()
        sql = "select event_id, data from outbox where user_id = %s and type = %s order by seq, n"
        for event_id, data in rows(sql, user_id, ReminderDue.type):
            if str(event_id) not in known:
                known.add(str(event_id))
                for _ in range(2):  # delivered twice
                    post(world.view, _again(data))
        post(world.view, TICK)

    sim_clock.advance(minutes=15)
    tick()
    assert world.sender.wait_idle(10)
    assert len(receiver.effects) == 2
    sim_clock.advance(minutes=60)  # nothing ticks from 21:15 to 22:15
    for _ in range(2):
        tick()
    assert len(receiver.effects) == 2
    for _ in range(9 * 60):
        sim_clock.advance(minutes=1)
        if sim_clock.now.hour in (22, 6, 7) and sim_clock.now.minute in (0, 1, 16, 21, 31, 59):
            tick()
            assert sim_clock.now.hour == 7 or len(receiver.effects) == 2
    assert world.sender.wait_idle(10)
    assert len(receiver.effects) == 9
    assert len(receiver.requests) == 9


def _again(data):
    import json

    from shared.messaging.cloudevent import CloudEvent

    body = json.loads(data)
    return CloudEvent(
        id=body["event_id"],
        source="/taskflow/reminders",
        type=body["event_type"],
        subject=body["task_id"],
        time=datetime.fromisoformat(body["occurred_at"]),
        datacontenttype="application/json",
        data=body,
        extensions={"partitionkey": body["user_id"], "schemaversion": "1", "webhooks": "true"},
    )
