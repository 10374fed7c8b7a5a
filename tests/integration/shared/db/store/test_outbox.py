"""The outbox: order, acknowledged prefixes, poison rows, and many writers against many drains."""

import random
import threading
import time
from collections import defaultdict
from datetime import timedelta

import pytest

from shared.db.store import outbox
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.events.account import AccountChanged

CAUSE = Cause(Actor("function", "test"))


def emit(uow, user_id, count=1):
    with uow.write(user_id, CAUSE, timeout=10) as tx:
        for _ in range(count):
            tx.emit(AccountChanged, resource="tag", resource_id="x", action="created")


@pytest.fixture
def api(database, sim_clock):
    return UnitOfWork(database("api", clock=sim_clock), source="/taskflow/tasks")


@pytest.fixture
def relay(database, sim_clock):
    return UnitOfWork(database("relay", clock=sim_clock), source="/taskflow/relay")


def test_only_the_acknowledged_prefix_is_marked(api, user_id):
    emit(api, user_id, 3)
    with api.record(user_id, CAUSE) as tx:
        rows = outbox.pending(tx, user_id)
        assert outbox.mark_published(tx, rows[:2]) == 2
    with api.read(user_id) as tx:
        assert [(r.seq, r.n) for r in outbox.pending(tx, user_id)] == [(1, 2)]


def test_the_limit_cuts_in_order(api, user_id):
    emit(api, user_id, 2)
    emit(api, user_id, 2)
    with api.read(user_id) as tx:
        assert [(r.seq, r.n) for r in outbox.pending(tx, user_id, limit=3)] == [(1, 0), (1, 1), (2, 0)]


def test_one_drain_a_user(api, user_id):
    with api.record(user_id, CAUSE) as first, api.record(user_id, CAUSE) as second:
        assert outbox.try_lock(first, user_id)
        assert not outbox.try_lock(second, user_id)
        assert outbox.try_lock(second, user_id + "-other")
    with api.record(user_id, CAUSE) as tx:
        assert outbox.try_lock(tx, user_id)


def test_a_poison_row_dies_after_five_attempts_and_never_blocks_the_rest(api, relay, user_id, sim_clock):
    emit(api, user_id, 3)
    pauses = []
    for attempt in range(1, 6):
        with api.record(user_id, CAUSE) as tx:
            rows = outbox.pending(tx, user_id)
            poison = rows[0]
            assert (poison.n, poison.attempts) == (0, attempt - 1)
            assert outbox.mark_failed(tx, poison, "too large\0") is (attempt == 5)
            if attempt == 1:
                assert outbox.mark_published(tx, rows[1:3]) == 2
        with api.read(user_id) as tx:
            assert outbox.pending(tx, user_id) == []
            due = tx.execute("select next_attempt_at from outbox where user_id = %s and n = 0", (user_id,))
            due = due.fetchone()[0]
        if due:
            pauses.append(due - sim_clock.now)
            sim_clock.now = due
    assert pauses == [timedelta(seconds=s) for s in (10, 20, 40, 80)]
    sim_clock.advance(days=1)
    with api.read(user_id) as tx:
        assert outbox.pending(tx, user_id) == []
        stored = tx.execute(
            "select published_at, dead_at is not null, last_error from outbox where user_id = %s and n = 0",
            (user_id,),
        )
        assert stored.fetchone() == (None, True, "too large")
    with relay.sweep() as tx:
        assert outbox.backlog(tx).dead >= 1


def test_relay_finds_users_one_by_one_however_many_rows_they_have(api, relay, user_id, sim_clock):
    first, second = f"0-{user_id}", f"1-{user_id}"  # before every other test's users
    emit(api, second, 1)
    emit(api, first, 3)
    emit(api, first, 2)
    with relay.sweep() as tx:
        assert outbox.users_pending(tx, limit=2) == [first, second]
        assert outbox.users_pending(tx, after=first, limit=1) == [second]
        rows = outbox.pending_of(tx, outbox.try_locks(tx, [second, first]), limit=4)
        assert [(row.user_id, row.seq, row.n) for row in rows] == [
            (second, 1, 0), (first, 1, 0), (first, 1, 1)
        ]  # fmt: skip
        assert outbox.mark_published(tx, rows) == 3
        assert outbox.users_pending(tx, limit=1) == [first]
        assert outbox.backlog(tx).pending >= 3
        with relay.sweep() as other:
            assert outbox.try_locks(other, [first, second, user_id]) == [user_id]


class Race:
    """Writers that sometimes commit slowly, drains whose log sometimes takes only a prefix."""

    def __init__(self, writer, drainer, users):
        self.writer, self.drainer, self.users = writer, drainer, users
        self.log, self.failures, self.lock = [], [], threading.Lock()
        self.done = threading.Event()

    def write(self, chance):
        for _ in range(25):
            with self.writer.write(chance.choice(self.users), CAUSE, timeout=20) as tx:
                for _ in range(chance.randint(1, 3)):
                    tx.emit(AccountChanged, resource="tag", resource_id="x", action="created")
                if chance.random() < 0.1:
                    time.sleep(0.05)

    def drain(self, chance):
        while True:
            last_round = self.done.is_set()
            with self.drainer.sweep() as tx:
                found = [u for u in outbox.users_pending(tx) if u in self.users]
            for user in found:
                self.drain_user(user, chance)
            if last_round and not found:
                return

    def drain_user(self, user, chance):
        with self.drainer.record(user, CAUSE) as tx:
            rows = outbox.pending(tx, user, limit=7) if outbox.try_lock(tx, user) else []
            acknowledged = rows[: chance.randint(0, len(rows))]
            if acknowledged:
                with self.lock:
                    self.log.extend((r.user_id, r.seq, r.n) for r in acknowledged)
                outbox.mark_published(tx, acknowledged)

    def guarded(self, work, seed):
        try:
            work(random.Random(seed))
        except Exception as error:
            self.failures.append(error)
            raise

    def run(self, *, writers, drains):
        writing = [threading.Thread(target=self.guarded, args=(self.write, s)) for s in range(writers)]
        draining = [threading.Thread(target=self.guarded, args=(self.drain, s)) for s in range(drains)]
        for thread in writing + draining:
            thread.start()
        for thread in writing:
            thread.join()
        self.done.set()
        for thread in draining:
            thread.join()


def test_eight_writers_and_four_drains_lose_nothing_and_keep_every_users_order(database, user_id):
    """Slow commits are what a cursor over ids loses rows to; concurrent drains are what breaks order."""
    users = [f"{user_id}-{n}" for n in range(5)]
    writer = UnitOfWork(database("api", max_size=8), source="/taskflow/tasks")
    drainer = UnitOfWork(database("relay", max_size=4), source="/taskflow/relay")
    race = Race(writer, drainer, users)
    race.run(writers=8, drains=4)

    assert race.failures == []
    published, stored = defaultdict(list), {}
    for user, seq, n in race.log:
        published[user].append((seq, n))
    for user in users:
        with writer.read(user) as tx:
            rows = tx.execute("select seq, n from outbox where user_id = %s order by seq, n", (user,))
            stored[user] = rows.fetchall()
    assert sum(map(len, stored.values())) >= 200
    assert dict(published) == stored  # each exactly once, in order
