"""From claim to mark with a real receiver: at least once, and once for a receiver that honours the id."""

import base64
import hashlib
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from functions.tasks.webhooks import verbs as webhook_verbs
from shared.domain.backoff import WAITS
from shared.domain.webhook import parse_secret
from shared.runtime.sealing import Sealer
from shared.testing.deliveries import CAUSE, TICK, post


class Killed(BaseException):
    """A process dies here."""


@pytest.fixture
def killed_at(monkeypatch):
    """`killed_at(name)`: the next time that failpoint is reached the process dies, once."""

    def arm(name):
        armed = [name]

        def reach(reached):
            if armed and reached == armed[0]:
                armed.clear()
                raise Killed

        monkeypatch.setattr("functions.notifications.courier.failpoint", reach)

    return arm


@pytest.fixture
def delivery(world, write_only, task_event, user_id, receiver):
    """One endpoint and one delivery that waits for it."""
    shown = world.endpoint(user_id, receiver.url)
    event = task_event(user_id, webhooks=True)
    post(write_only, event)
    return shown, event


def test_the_message_is_signed_as_standard_webhooks_says(world, delivery, user_id, receiver, sim_clock):
    shown, event = delivery
    [result] = world.deliver(user_id)
    assert result.state == "sent"
    [(headers, body)] = receiver.requests
    assert headers["webhook-id"] == str(event.event_id)
    assert headers["webhook-timestamp"] == str(int(sim_clock.now.timestamp()))
    assert headers["content-type"] == "application/json"
    signed = f"{event.event_id}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(parse_secret(shown.secret), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert json.loads(body)["data"]["event_id"] == str(event.event_id)


def test_after_a_rotation_both_secrets_sign_for_a_day(world, delivery, user_id, receiver, sim_clock):
    shown, _ = delivery
    receiver.answers = [500]
    with world.api.write(user_id, CAUSE) as tx:
        renewed = webhook_verbs.patch(tx, shown.webhook.id, {"rotate_secret": True}, policy=world.policy)
    assert renewed.secret not in (None, shown.secret)
    world.deliver(user_id)
    assert len(receiver.requests[0][0]["webhook-signature"].split(" ")) == 2
    sim_clock.advance(days=1, minutes=1)
    world.deliver(user_id)
    assert len(receiver.requests[1][0]["webhook-signature"].split(" ")) == 1


def test_what_fails_is_tried_ten_times_on_schedule_with_the_same_bytes(
    world, delivery, deliveries, user_id, receiver, sim_clock
):
    receiver.answers = [500, 302, 404, 429, 503, 400, 401, 301, 500, 502]
    start = sim_clock.now
    for attempt in range(1, 11):
        assert [r.response_status for r in world.deliver(user_id)]
        [(state, attempts, _, due)] = deliveries(user_id)
        assert attempts == attempt
        if attempt < 10:
            assert (state, due - sim_clock.now) == ("pending", timedelta(seconds=WAITS[attempt]))
            sim_clock.now = due - timedelta(seconds=1)
            assert world.deliver(user_id) == []  # never early
            sim_clock.now = due
    assert deliveries(user_id) == [("failed", 10, 502, None)]
    assert sim_clock.now - start == timedelta(seconds=sum(WAITS))
    assert len(set(receiver.ids)) == 1
    assert len({body for _, body in receiver.requests}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.requests}) == 10


def test_a_longer_retry_after_is_honoured(world, delivery, deliveries, user_id, receiver, sim_clock):
    receiver.answers = [(429, {"Retry-After": "3600"})]
    world.deliver(user_id)
    assert deliveries(user_id)[0][3] == sim_clock.now + timedelta(hours=1)


def test_gone_disables_the_endpoint_and_gives_up_the_rest(
    world, write_only, delivery, deliveries, rows, task_event, user_id, receiver
):
    shown, _ = delivery
    post(write_only, task_event(user_id, webhooks=True))
    receiver.answers = [410, 410]
    assignments = [world.courier.claim(user_id)]
    world.courier.carry(assignments[0])
    assert [(state, status) for state, _, status, _ in deliveries(user_id)] == [
        ("failed", 410),
        ("failed", None),
    ]
    assert rows("select state from webhooks where user_id = %s", user_id) == [("disabled",)]
    assert rows("select webhook_events from accounts where user_id = %s", user_id) == [([],)]
    changed = rows("select data from outbox where user_id = %s order by seq desc limit 1", user_id)
    assert json.loads(changed[0][0])["resource_id"] == str(shown.webhook.id)
    assert world.deliver(user_id) == []


def test_a_deleted_endpoint_is_not_called(world, delivery, deliveries, user_id, receiver):
    shown, _ = delivery
    assignment = world.courier.claim(user_id)
    with world.api.write(user_id, CAUSE) as tx:
        webhook_verbs.delete(tx, shown.webhook.id)
    world.courier.carry(assignment)  # it was under way already
    assert world.deliver(user_id) == []
    assert deliveries(user_id)[0][0] == "failed"


@pytest.mark.parametrize("name", ["deliver:after_claim", "deliver:after_send", "deliver:after_mark"])
def test_a_crash_anywhere_loses_nothing_and_has_one_effect(
    name, world, delivery, deliveries, user_id, receiver, sim_clock, killed_at
):
    _, event = delivery
    killed_at(name)
    with pytest.raises(Killed):
        world.deliver(user_id)
    assert world.deliver(user_id) == []  # the lease holds
    sim_clock.advance(seconds=61)
    world.deliver(user_id)
    assert receiver.effects == {str(event.event_id)}
    assert deliveries(user_id)[0][0] == "sent"
    assert len({body for _, body in receiver.requests}) == 1


def test_many_crashes_lose_nothing(world, write_only, deliveries, task_event, user_id, receiver, sim_clock, monkeypatch):  # fmt: skip  # noqa: E501  # fixtures
    """A tenth of all steps kill the process; what is left is taken up after its lease."""
    from random import Random

    dice = Random(7)

    def reach(_name):
        if dice.random() < 0.1:
            raise Killed

    monkeypatch.setattr("functions.notifications.courier.failpoint", reach)
    world.endpoint(user_id, receiver.url)
    events = [task_event(user_id, webhooks=True) for _ in range(40)]
    for event in events:
        post(write_only, event)
    for _ in range(200):
        try:
            if not world.deliver(user_id) and all(state == "sent" for state, *_ in deliveries(user_id)):
                break
        except Killed:
            pass
        sim_clock.advance(seconds=61)
    assert {state for state, *_ in deliveries(user_id)} == {"sent"}
    assert receiver.effects == {str(event.event_id) for event in events}
    assert len(receiver.requests) > len(events)  # some were sent twice, with one id


def test_a_late_mark_does_not_overwrite_a_later_attempt(
    world, delivery, deliveries, user_id, receiver, sim_clock
):
    slow = world.courier.claim(user_id)
    sim_clock.advance(seconds=61)
    receiver.answers = [500]
    world.deliver(user_id)  # the second attempt fails and waits for the third
    world.courier.carry(slow)  # the first succeeds after its lease has ended
    assert deliveries(user_id)[0][:2] == ("pending", 2)


def test_concurrent_claims_never_share_a_delivery(world, write_only, task_event, user_id, receiver):
    world.endpoint(user_id, receiver.url)
    for _ in range(20):
        post(write_only, task_event(user_id, webhooks=True))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: world.deliver(user_id), range(8)))
    assert len(receiver.requests) == 20
    assert len(receiver.effects) == 20


def test_the_event_is_answered_before_the_endpoint_is(world, task_event, deliveries, user_id, receiver):
    world.endpoint(user_id, receiver.url)
    receiver.hold.clear()
    assert post(world.view, task_event(user_id, webhooks=True)).status_code == 204
    assert deliveries(user_id)[0][2] is None
    receiver.hold.set()
    assert world.sender.wait_idle(10)
    assert deliveries(user_id)[0][0] == "sent"


def test_a_slow_endpoint_does_not_keep_the_others_waiting(world, task_event, user_id, receiver):
    quick = threading.Event()
    for _ in range(2):
        world.endpoint(user_id, receiver.url)
    receiver.hold.clear()
    post(world.view, task_event(user_id, webhooks=True))
    for _ in range(100):
        if len(receiver.requests) == 2:  # both are under way although neither has been answered
            break
        quick.wait(0.05)
    assert len(receiver.requests) == 2
    receiver.hold.set()
    assert world.sender.wait_idle(10)


def test_the_tick_retries_for_every_user(world, write_only, deliveries, task_event, receiver, sim_clock):
    users = [f"user-{uuid4()}" for _ in range(6)]
    for owner in users:
        world.endpoint(owner, receiver.url)
        post(write_only, task_event(owner, webhooks=True))
    receiver.answers = [500] * 6
    assert post(world.view, TICK).status_code == 204
    assert {deliveries(owner)[0][0] for owner in users} == {"pending"}
    assert post(world.view, TICK).status_code == 204  # nothing is due yet
    assert len(receiver.requests) == 6
    sim_clock.advance(minutes=1)
    post(world.view, TICK)
    assert {deliveries(owner)[0][0] for owner in users} == {"sent"}
    assert len(receiver.effects) == 6


def test_two_ticks_at_once_send_each_message_once(world, write_only, task_event, user_id, receiver):
    world.endpoint(user_id, receiver.url)
    for _ in range(10):
        post(write_only, task_event(user_id, webhooks=True))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: post(world.view, TICK), range(3)))
    assert len(receiver.requests) == 10


def test_a_stopped_sender_finishes_what_it_began(world, task_event, deliveries, user_id, receiver):
    world.endpoint(user_id, receiver.url)
    post(world.view, task_event(user_id, webhooks=True))
    assert world.sender.wait_idle(10)
    world.sender.stop()
    world.sender.notify(user_id)  # is told nothing any more
    post(world.view, task_event(user_id, webhooks=True))
    assert sorted(state for state, *_ in deliveries(user_id)) == ["pending", "sent"]


def test_an_unreachable_endpoint_is_a_failed_attempt(world, write_only, rows, task_event, user_id):
    world.endpoint(user_id, "http://127.0.0.1:1/hook")
    post(write_only, task_event(user_id, webhooks=True))
    world.deliver(user_id)
    sql = "select state, last_error from deliveries where user_id = %s"
    assert rows(sql, user_id) == [("pending", "no connection could be made")]


def test_a_wrong_sealing_key_only_delays(
    world, delivery, deliveries, user_id, receiver, sim_clock, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(world.courier, "_sealer", Sealer(Sealer.new_key()))
        [result] = world.deliver(user_id)
    assert (result.state, result.error) == ("pending", "the endpoint's secret could not be read")
    assert receiver.requests == []
    sim_clock.advance(seconds=10)
    assert [r.state for r in world.deliver(user_id)] == ["sent"]


def test_a_delivery_whose_endpoint_vanished_has_failed(world, delivery, deliveries, rows, user_id, receiver):
    rows("delete from webhooks where user_id = %s", user_id)
    [result] = world.deliver(user_id)
    assert (result.state, result.error) == ("failed", "the endpoint was deleted or disabled")
    assert (deliveries(user_id)[0][0], receiver.requests) == ("failed", [])


def test_a_delivery_that_always_kills_its_process_ends(world, delivery, rows, user_id, receiver):
    rows("update deliveries set state = 'sending', attempts = 10 where user_id = %s", user_id)
    [result] = world.deliver(user_id)
    assert (result.state, receiver.requests) == ("failed", [])
