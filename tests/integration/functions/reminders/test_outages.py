"""Hours of reminders with ticks that are missing, doubled or die: each goes out once, never early."""

from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest

from functions.reminders.service import Sweep

DUE = "io.taskflow.reminder.due.v1"
GAP = range(60, 120)  # minutes without a tick


class Killed(BaseException):
    """A process dies here."""


@pytest.fixture
def events(rows):
    def of(user_id):
        sql = (
            "select (data::jsonb ->> 'remind_at')::timestamptz, occurred_at from outbox"
            " where user_id = %s and type = %s order by seq, n"
        )
        return rows(sql, user_id, DUE)

    return of


@pytest.mark.parametrize("seed", range(3))
def test_none_is_lost_doubled_or_early(uow, rows, events, add_task, sim_clock, monkeypatch, seed):
    # Older reminders of other tests' users, some of whom fail, would take the turns of these in every tick.
    rows("update reminders set state = 'cancelled' where state = 'scheduled'")
    dice, start = Random(seed), sim_clock.now
    users = [f"user-{uuid4()}" for _ in range(3)]
    wanted = {
        owner: sorted(start + timedelta(seconds=dice.randrange(1, 180 * 60)) for _ in range(15))
        for owner in users
    }
    for owner, instants in wanted.items():
        for at in instants:
            add_task(owner, at=[at])

    def reach(_name):
        if dice.random() < 0.2:
            raise Killed

    monkeypatch.setattr("functions.reminders.service.failpoint", reach)
    sweep = Sweep(uow("ticker", source="/taskflow/reminders"))
    for minute in range(1, 200):
        sim_clock.now = start + timedelta(minutes=minute)
        for _ in range(0 if minute in GAP else dice.choice([1, 1, 2])):
            try:
                sweep.run()
            except Killed:
                continue  # the rest of this tick is left to the next
    for owner in users:
        assert [at for at, _ in events(owner)] == wanted[owner]
        assert all(sent >= at for at, sent in events(owner))
        assert all(sent - at <= timedelta(minutes=len(GAP) + 15) for at, sent in events(owner))
