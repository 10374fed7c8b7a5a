"""One user's endpoints that answer nothing, and one user's backlog, keep nobody else waiting."""

import contextlib
import socket
import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from functions.notifications.sender import THREADS, Sender
from functions.notifications.tick import Tick
from functions.notifications.turns import PER_ENDPOINT, PER_USER
from functions.tasks.webhooks import verbs as webhook_verbs
from shared.db.repositories.deliveries import Deliveries, DueDeliveries
from shared.domain.backoff import PATIENCE, PAUSES
from shared.domain.identity import uuid7
from shared.runtime.event import function, tick
from shared.testing.deliveries import CAUSE, TICK, post

PLENTY = 20  # seconds: for a busy machine, not for the thing itself


class Tarpit:
    """Takes connections, reads, and answers nothing until it is released."""

    def __init__(self):
        self.held = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._more = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._more:
                    self.held.append(connection)
                    self._more.notify_all()

    def wait(self, count):
        """Until so many attempts have arrived."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.held) >= count, PLENTY), len(self.held)

    def holds_all(self):
        """Whether nobody has given up on a connection."""
        for connection in self.held:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while data := connection.recv(65536):
                    assert data
                return False
        return True

    def close(self):
        """Everybody is let go, and nobody else comes."""
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.held:
            connection.close()


@pytest.fixture
def tarpit():
    made = Tarpit()
    yield made
    made.close()


@pytest.fixture
def patient(world):
    """An attempt takes as long as in production: nothing ends by itself during a test."""
    world.timeout = 15.0
    return world


def until(condition):
    """Wait for what another thread does."""
    pause = threading.Event()
    for _ in range(PLENTY * 50):
        if condition():
            return True
        pause.wait(0.02)
    return False


def test_twenty_tarpits_of_one_user_keep_nobody_waiting(patient, task_event, user_id, receiver, tarpit):
    for _ in range(20):
        patient.endpoint(user_id, tarpit.url)
    post(patient.view, task_event(user_id, webhooks=True))
    tarpit.wait(PER_USER)
    for other in (f"other-{uuid4()}" for _ in range(30)):
        patient.endpoint(other, receiver.url)
        post(patient.view, task_event(other, webhooks=True))
    assert until(lambda: len(receiver.requests) == 30)
    assert tarpit.holds_all()
    assert len(tarpit.held) == PER_USER
    tarpit.close()


def test_a_tick_reaches_everybody_while_tarpits_are_held_open(
    patient, write_only, task_event, user_id, receiver, tarpit
):
    for _ in range(20):
        patient.endpoint(user_id, tarpit.url)
    post(write_only, task_event(user_id, webhooks=True))
    others = [f"z-{uuid4()}" for _ in range(60)]  # behind the user, and more than one look used to find
    for other in others:
        patient.endpoint(other, receiver.url)
        post(write_only, task_event(other, webhooks=True))
    ticking = threading.Thread(target=lambda: post(patient.view, TICK))
    ticking.start()
    assert until(lambda: len(receiver.requests) == 60)
    tarpit.wait(PER_USER)
    assert tarpit.holds_all()
    assert ticking.is_alive()  # the process stays awake for what is under way
    patient.sender.stop()
    tarpit.close()
    ticking.join(PLENTY)


def test_one_endpoint_gets_a_bounded_number_of_messages_at_once(
    patient, write_only, task_event, user_id, receiver, tarpit
):
    patient.endpoint(user_id, tarpit.url, "task.updated")
    patient.endpoint(user_id, receiver.url, "task.updated")
    for _ in range(6):
        post(write_only, task_event(user_id, webhooks=True))
    patient.sender.notify(user_id)
    tarpit.wait(PER_ENDPOINT)
    assert until(lambda: len(receiver.requests) == 6)  # the user's other endpoint has it all
    assert (len(tarpit.held), tarpit.holds_all()) == (PER_ENDPOINT, True)
    patient.sender.stop()


def test_turns_are_taken_one_delivery_each(world, write_only, task_event, receiver):
    """With one thread for all, a backlog of one user lets another's delivery through."""
    many, few = f"many-{uuid4()}", f"few-{uuid4()}"
    for owner, count in ((many, 10), (few, 1)):
        world.endpoint(owner, receiver.url)
        for _ in range(count):
            post(write_only, task_event(owner, webhooks=True))
    single = Sender(world.courier, threads=1)
    receiver.hold.clear()
    single.notify(many)
    assert until(lambda: len(receiver.requests) == 1)
    single.notify(few)
    receiver.hold.set()
    assert single.wait_idle(PLENTY)
    users = [body.split(b'"user_id":"')[1].split(b'"')[0].decode() for _, body in receiver.requests]
    assert users.index(few) <= 2
    single.stop()


def test_a_silent_endpoint_rests_longer_each_time_and_is_asked_once(
    world, write_only, task_event, deliveries, rows, user_id, tarpit, sim_clock
):
    world.timeout = 0.3
    world.endpoint(user_id, tarpit.url)
    for _ in range(8):
        post(write_only, task_event(user_id, webhooks=True))
    for attempt, seconds in enumerate((*PAUSES, PAUSES[-1]), start=1):
        world.sender.notify(user_id)
        assert world.sender.wait_idle(PLENTY)
        expected = PER_ENDPOINT + attempt - 1  # the first ones start together, then one at a time
        assert len(tarpit.held) == expected
        [(count, paused)] = rows("select unanswered, paused_until from webhooks where user_id = %s", user_id)
        assert (count, paused - sim_clock.now) == (attempt, timedelta(seconds=seconds))
        sim_clock.now = paused
    assert {state for state, *_ in deliveries(user_id)} == {"pending"}


def test_a_pause_of_one_endpoint_is_nobody_elses(world, write_only, task_event, user_id, receiver, tarpit):
    world.timeout = 0.3
    world.endpoint(user_id, tarpit.url)
    world.endpoint(user_id, receiver.url)
    for _ in range(5):
        post(write_only, task_event(user_id, webhooks=True))
        world.sender.notify(user_id)
        assert world.sender.wait_idle(PLENTY)
    assert (len(receiver.requests), len(tarpit.held)) == (5, 1)


def test_an_answer_ends_the_pause_whatever_it_says(
    world, write_only, task_event, rows, user_id, receiver, sim_clock
):
    shown = world.endpoint(user_id, receiver.url)
    silent_since(rows, shown, sim_clock.now)
    sim_clock.advance(minutes=1)
    receiver.answers = [500]
    post(write_only, task_event(user_id, webhooks=True))
    world.deliver(user_id)
    sql = "select unanswered, unanswered_since, paused_until from webhooks where user_id = %s"
    assert rows(sql, user_id) == [(0, None, None)]


def test_a_refused_connection_costs_no_time_and_makes_no_pause(world, write_only, task_event, rows, user_id):
    world.endpoint(user_id, "http://127.0.0.1:1/hook")
    post(write_only, task_event(user_id, webhooks=True))
    world.deliver(user_id)
    assert rows("select unanswered, paused_until from webhooks where user_id = %s", user_id) == [(0, None)]


def test_five_days_of_silence_disable_an_endpoint(
    world, write_only, task_event, deliveries, rows, user_id, tarpit, sim_clock
):
    world.timeout = 0.2
    shown = world.endpoint(user_id, tarpit.url)
    silent_since(rows, shown, sim_clock.now - PATIENCE)
    sim_clock.advance(minutes=1)
    for _ in range(3):
        post(write_only, task_event(user_id, webhooks=True))
    [_] = world.deliver(user_id)
    found = rows("select state, state_reason from webhooks where user_id = %s", user_id)
    assert found == [("disabled", "the endpoint has not answered for 5 days")]
    assert {state for state, *_ in deliveries(user_id)} == {"failed"}
    assert rows("select webhook_events from accounts where user_id = %s", user_id) == [([],)]


@pytest.mark.parametrize("change", [{"url": "http://127.0.0.1:9/new"}, {"state": "disabled"}])
def test_what_its_owner_changes_ends_the_pause(world, rows, user_id, sim_clock, change):
    shown = world.endpoint(user_id, "http://127.0.0.1:9/old")
    silent_since(rows, shown, sim_clock.now)
    with world.api.write(user_id, CAUSE) as tx:
        after = webhook_verbs.patch(tx, shown.webhook.id, change, policy=world.policy)
    assert (after.webhook.unanswered, after.webhook.paused_until) == (0, None)


def test_sending_again_does_not_wait_for_the_pause(
    world, write_only, task_event, rows, user_id, receiver, sim_clock
):
    shown = world.endpoint(user_id, receiver.url)
    post(write_only, task_event(user_id, webhooks=True))
    silent_since(rows, shown, sim_clock.now)
    assert world.deliver(user_id) == []
    [(delivery,)] = rows("select id from deliveries where user_id = %s", user_id)
    with world.api.write(user_id, CAUSE) as tx:
        webhook_verbs.resend(tx, shown.webhook.id, delivery)
    assert [result.state for result in world.deliver(user_id)] == ["sent"]


def test_a_backlog_is_not_read_for_another_user(world, rows, backlog, user_id, sim_clock):
    """10,000 due deliveries of one user: finding and claiming another's reads a handful of rows."""
    other = f"zz-{uuid4()}"
    backlog(user_id, 10_000, sim_clock.now - timedelta(hours=1))
    backlog(other, 1, sim_clock.now)
    rows("analyze deliveries")  # as autovacuum does
    with world.uow.sweep() as tx:
        assert set(DueDeliveries(tx).users(limit=10_000)) >= {user_id, other}
        assert read_rows(tx) < 2_000  # other tests' users are about
    with world.uow.record(other, CAUSE) as tx:
        [waiting] = Deliveries(tx).waiting()
        assert Deliveries(tx).claim(waiting.recipient) is not None
        assert read_rows(tx) < 50
    with world.uow.record(user_id, CAUSE) as tx:
        assert len(Deliveries(tx).waiting()) == 1
        assert Deliveries(tx).claim(Deliveries(tx).waiting()[0].recipient) is not None
        assert read_rows(tx) < 50


def test_a_user_who_cannot_be_claimed_for_ends_nothing_for_others(
    world, write_only, task_event, rows, user_id, receiver
):
    other = f"other-{uuid4()}"
    for owner in (user_id, other):
        world.endpoint(owner, receiver.url)
        post(write_only, task_event(owner, webhooks=True))
    rows("update accounts set settings = '{\"quiet_hours\": 7}' where user_id = %s", user_id)
    view = function("notifications", on_tick=tick("notifications", Tick(world.uow, world.sender).run))
    assert post(view, TICK).status_code == 204
    assert other.encode() in b"".join(body for _, body in receiver.requests)


def test_a_user_has_a_part_of_the_threads_only():
    assert PER_ENDPOINT < PER_USER <= THREADS // 4


def silent_since(rows, shown, at):
    rows(
        "update webhooks set unanswered = 1, unanswered_since = %s, paused_until = %s where id = %s",
        at,
        at + timedelta(minutes=1),
        shown.webhook.id,
    )


@pytest.fixture
def backlog(rows):
    """`backlog(user_id, 10, at)`: due deliveries to one endpoint; gone afterwards, or the tick of another
    test would send them.
    """
    users = []

    def add(user_id, count, at):
        users.append(user_id)
        rows(
            """insert into deliveries (user_id, id, event_id, event_type, channel, recipient, payload, state,
                 next_attempt_at, created_at, updated_at)
               select %s, gen_random_uuid(), gen_random_uuid(), 'io.taskflow.task.updated.v1', 'webhook', %s,
                 '{}', 'pending', %s, %s, %s from generate_series(1, %s)""",
            user_id,
            str(uuid7(at)),
            *(at, at, at),
            count,
        )

    yield add
    rows("delete from deliveries where user_id = any(%s)", users)


def read_rows(tx):
    """Rows of `deliveries` that this transaction has read."""
    sql = """select pg_stat_get_xact_tuples_fetched(oid) + pg_stat_get_xact_tuples_returned(oid)
             from pg_class where relname = 'deliveries'"""
    return tx.execute(sql).fetchone()[0]
