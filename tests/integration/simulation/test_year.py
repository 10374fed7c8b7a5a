"""A year of a user's life: recurring tasks in six zones, completed early, late, twice, skipped and undone;
outages, repeated deliveries, lost ticks. After every step the invariants hold.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from functions.tasks.tasks import verbs
from shared.db.repositories.audit import AuditLog
from shared.domain.errors import Conflict
from tests.integration.simulation.world import World, hours

START, END = datetime(2026, 1, 5, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)
STEP = timedelta(hours=6)

# title → (zone, local time, rule, mode): both hemispheres, half-hour zones, changes of law
ROUTINES = {
    "London run": ("Europe/London", "07:30", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "catch_up"),
    "New York call": ("America/New_York", "02:30", "FREQ=WEEKLY;BYDAY=SU", "fixed"),
    "Lord Howe tide": ("Australia/Lord_Howe", "02:15", "FREQ=WEEKLY;BYDAY=SU,TH", "catch_up"),
    "Casablanca tea": ("Africa/Casablanca", "02:30", "FREQ=WEEKLY;INTERVAL=2", "catch_up"),
    "Santiago rent": ("America/Santiago", "00:00", "FREQ=MONTHLY;BYMONTHDAY=-1", "fixed"),
    "Kolkata water": ("Asia/Kolkata", "18:45", "FREQ=DAILY;INTERVAL=3", "from_completion"),
}


class Life:
    """What the user does, by the die of the world."""

    def __init__(self, world: World, records: "psycopg.Connection[Any]") -> None:
        self.world, self.records = world, records
        self.done: Counter[str] = Counter()

    def begin(self) -> None:
        for title, (zone, at, rule, mode) in ROUTINES.items():
            self.world.create(
                title=title,
                due=f"2026-01-10T{at}",
                timezone=zone,
                recurrence={"rrule": rule, "mode": mode},
                reminders=[{"before_minutes": 30}, {"days_before": 1, "at": "09:00"}],
            )

    def step(self) -> None:
        for task_id, due_at in self.open_tasks():
            self._live(task_id, due_at - self.world.clock.now)

    def _live(self, task_id: Any, left: timedelta) -> None:
        die = self.world.random.random()
        if left > timedelta(hours=20):
            if die < 0.01:
                self._end(verbs.complete, task_id, "early")
        elif die < 0.5:
            self._end(verbs.complete, task_id, "done")
            if self.world.random.random() < 0.3:
                self._end(verbs.complete, task_id, "twice")
            if self.world.random.random() < 0.15:
                self._undo(task_id)
        elif die < 0.6:
            self._end(verbs.skip, task_id, "skipped")

    def _end(self, verb: Any, task_id: Any, what: str) -> None:
        self.world.act(verb, task_id)
        self.done[what] += 1

    def _undo(self, task_id: Any) -> None:
        if self.world.random.random() < 0.5:  # before or after the next occurrence was made
            self.world.publish()
            self.world.deliver()
        try:
            self.world.act(verbs.reopen, task_id)
            self.done["reopened"] += 1
        except Conflict:
            self.done["reopen refused"] += 1

    def open_tasks(self) -> list[tuple[Any, datetime]]:
        return self.records.execute(
            """select id, due_at from tasks where user_id = %s and status = 'open' and deleted_at is null
               order by due_at, id""",
            (self.world.user_id,),
        ).fetchall()


def check_now(world: World, records: "psycopg.Connection[Any]") -> None:
    """What must hold at every moment, whatever is still on its way."""
    mismatched = records.execute(
        """select o.key, t.id from occurrences o
           full join (select * from tasks where status = 'open' and deleted_at is null
                        and series_id is not null and user_id = %(user)s) t
             on t.user_id = o.user_id and t.id = o.task_id and t.occurrence_key = o.key
           where coalesce(o.user_id, t.user_id) = %(user)s
             and coalesce(o.outcome, 'open') = 'open' and (t.id is null or o.key is null)""",
        {"user": world.user_id},
    ).fetchall()
    assert mismatched == [], "an open occurrence without its open task, or the reverse"
    early = records.execute(
        "select count(*) from reminders where user_id = %s and state = 'sent' and remind_at > %s",
        (world.user_id, world.clock.now),
    ).fetchone()
    assert early == (0,), "a reminder went out early"


def check_settled(world: World, records: "psycopg.Connection[Any]") -> None:
    """What must hold once everything has been delivered and a tick has passed."""
    check_now(world, records)
    user = (world.user_id,)
    series = records.execute(
        """select s.id, count(*) filter (where o.outcome = 'open') from series s
           join occurrences o using (user_id) where o.series_id = s.id and s.user_id = %s group by s.id""",
        user,
    ).fetchall()
    assert [n for _, n in series] == [1] * len(ROUTINES), "every series has just one open occurrence"
    late = records.execute(
        "select count(*) from reminders where user_id = %s and state = 'scheduled' and remind_at <= %s",
        (*user, world.clock.now),
    ).fetchone()
    assert late == (0,), "a reminder was lost"
    counts = records.execute(
        """select (select count(*) from reminders where user_id = %(u)s and state = 'sent'),
                  (select count(*) from outbox where user_id = %(u)s and topic = 'reminders'),
                  (select count(*) from notifications where user_id = %(u)s)""",
        {"u": world.user_id},
    ).fetchone()
    assert counts is not None
    assert len(set(counts)) == 1, f"reminders sent, emitted and shown differ: {counts}"


def check_wall_times(records: "psycopg.Connection[Any]", user_id: str) -> None:
    """Every occurrence keeps its wall time; its instant is what the zone makes of it (gap: shifted)."""
    for title, due_wall, zone, due_at in records.execute(
        "select title, due_wall, timezone, due_at from tasks where user_id = %s", (user_id,)
    ):
        assert f"{due_wall:%H:%M}" == ROUTINES[title][1], (title, due_wall)
        assert due_at == due_wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC), (title, due_wall)


def check_history(world: World, records: "psycopg.Connection[Any]") -> None:
    """Ordinals and keys grow together: no occurrence came back, none was made twice."""
    by_series: dict[Any, list[str]] = {}
    for series_id, key in records.execute(
        "select series_id, key from occurrences where user_id = %s order by series_id, ordinal, key",
        (world.user_id,),
    ):
        by_series.setdefault(series_id, []).append(key)
    assert len(by_series) == len(ROUTINES)
    for keys in by_series.values():
        assert keys == sorted(set(keys))
    events = records.execute(
        "select count(*) from outbox where user_id = %s and topic = 'task-events'", (world.user_id,)
    ).fetchone()
    with world.api.read(world.user_id) as tx:
        assert events == (AuditLog(tx).head().seq,), "the audit log has every event once"


@pytest.mark.no_cover  # a minute more, for lines that other tests cover
@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_a_users_life(database, dsns, user_id, sim_clock, seed):
    sim_clock.now = START
    world = World(database, sim_clock, user_id, seed)
    with psycopg.connect(dsns["admin"], autocommit=True) as records:
        life = Life(world, records)
        life.begin()
        outage = 0
        for now in hours(START, END, STEP):
            sim_clock.now = now
            life.step()
            outage = outage - 1 if outage else (8 if world.random.random() < 0.01 else 0)
            if outage:  # neither ticks nor deliveries for two days
                check_now(world, records)
                continue
            if world.random.random() > 0.1:  # the others are lost ticks
                world.tick()
            world.publish()
            world.deliver(duplicates=0.05)
            check_now(world, records)
        world.tick()
        world.publish()
        world.deliver(duplicates=0.2)
        check_settled(world, records)
        check_wall_times(records, user_id)
        check_history(world, records)
    assert min(life.done[w] for w in ("early", "done", "twice", "skipped", "reopened")) > 0, life.done
    assert world.redelivered > 0
