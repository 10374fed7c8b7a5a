"""100,000 reminders of 10,000 users become due in one minute: how long until all are emitted, and how fast
`relay` publishes the rest. `scripts/bench reminders` makes its own database.

The function runs as deployed, with the budgets of its ticks and its publisher thread; the log acknowledges
everything at once, so that only our own work is measured. Processor time is shown, too, because a busy
machine makes the wall clock longer.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from functions.relay.outbox_sweep import OutboxSweep
from functions.reminders.service import Sweep
from scripts.benchmarks.processes import child_cpu_seconds
from scripts.local.postgres import DATABASE, EmbeddedPostgres
from shared.db.pool import Database
from shared.db.uow import UnitOfWork
from shared.messaging.ports import Record
from shared.runtime import deadline
from shared.runtime.event import TICK_SECONDS
from shared.runtime.publisher import PublisherThread

GOAL = 60.0  # seconds from the instant until the last reminder is emitted
TICK_EVERY = 60.0
_FILL = """
insert into accounts (user_id, change_seq, created_at)
  select 'user-' || u, 1, now() from generate_series(1, %(users)s) u;
insert into tasks (user_id, id, title, status, priority, position, due_kind, due_wall, due_at, due_sort,
    reminders, change_seq, last_change, created_at, updated_at)
  select 'user-' || u, gen_random_uuid(), 'Water the plants of room ' || r, 'open', 4, 'a0', 'instant',
    now() at time zone 'UTC', now(), now(), '[{"before_minutes": 0}]', 1, 'created', now(), now()
  from generate_series(1, %(users)s) u, generate_series(1, %(each)s) r;
insert into reminders (user_id, id, task_id, remind_at, channels, state, created_at, updated_at)
  select user_id, gen_random_uuid(), id, date_trunc('minute', now()), '{}', 'scheduled', now(), now()
  from tasks;
"""


@dataclass(frozen=True)
class Cost:
    """Seconds: on the clock, of this process, of the database's processes."""

    wall: float
    own: float
    database: float


class Sink:
    """A log that acknowledges everything at once."""

    def __init__(self) -> None:
        self.records = 0

    def publish(self, records: Sequence[Record], *, timeout: float) -> int:  # noqa: ARG002 (it does not wait)
        self.records += len(records)
        return len(records)

    def close(self, *, timeout: float) -> None:
        """Nothing is kept open."""


def main(arguments: Sequence[str]) -> int:
    """1 when the goal is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench reminders", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=10, help="reminders of each user")
    options = parser.parse_args(arguments)
    with _database() as (postgres, dsns):
        admin = psycopg.connect(postgres.admin_dsn, dbname=DATABASE, autocommit=True)
        with admin:
            _fill(admin, users=options.users, each=options.each)
            return _measure(admin, dsns, total=options.users * options.each)


@contextmanager
def _database() -> Iterator[tuple[EmbeddedPostgres, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="taskflow-reminders-") as name:
        postgres = EmbeddedPostgres(Path(name) / "postgres")
        try:
            yield postgres, postgres.start()
        finally:
            postgres.destroy()


def _fill(admin: psycopg.Connection[tuple[object, ...]], *, users: int, each: int) -> None:
    for statement in _FILL.split(";")[:-1]:
        admin.execute(statement, {"users": users, "each": each})
    admin.execute("vacuum analyze")


def _measure(admin: psycopg.Connection[tuple[object, ...]], dsns: dict[str, str], *, total: int) -> int:
    server = admin.execute("select pg_backend_pid()").fetchone()
    assert server is not None
    backend = int(str(server[0]))
    sink = Sink()
    ticker, relay = (Database(dsns[role], max_size=4) for role in ("ticker", "relay"))
    publisher = PublisherThread(lambda: sink, ticker)
    reminders = UnitOfWork(ticker, source="/taskflow/reminders", on_commit=publisher.notify)
    emitted = _timed(backend, lambda: _ticks(Sweep(reminders).run, lambda: _scheduled(admin) == 0))
    publisher.close(timeout=0.5)
    before = sink.records
    sweep = OutboxSweep(UnitOfWork(relay, source="/taskflow/relay"), lambda: sink)
    drained = _timed(backend, lambda: _ticks(sweep.run, lambda: _pending(admin) == 0))
    for database in (ticker, relay):
        database.close()
    return _report(total, emitted, drained, swept=sink.records - before, events=_events(admin))


def _ticks(run: Callable[[], None], done: Callable[[], bool]) -> None:
    """Ticks as PingSource sends them, until all is done."""
    began = time.monotonic()
    for number in range(10):
        time.sleep(max(0.0, began + number * TICK_EVERY - time.monotonic()))
        with deadline.within(TICK_SECONDS):
            run()
        if done():
            return


def _timed(backend: int, work: Callable[[], None]) -> Cost:
    wall, own, database = time.monotonic(), time.process_time(), child_cpu_seconds(backend)
    work()
    return Cost(time.monotonic() - wall, time.process_time() - own, child_cpu_seconds(backend) - database)


def _scheduled(admin: psycopg.Connection[tuple[object, ...]]) -> int:
    return _count(admin, "select count(*) from reminders where state = 'scheduled'")


def _pending(admin: psycopg.Connection[tuple[object, ...]]) -> int:
    return _count(admin, "select count(*) from outbox where published_at is null")


def _events(admin: psycopg.Connection[tuple[object, ...]]) -> int:
    return _count(admin, "select count(distinct event_id) from outbox")


def _count(admin: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    row = admin.execute(statement).fetchone()
    assert row is not None
    return int(str(row[0]))


def _report(total: int, emitted: Cost, drained: Cost, *, swept: int, events: int) -> int:
    print(f"{'':<34}{'seconds':>9}{'own CPU':>9}{'its CPU':>9}{'a second':>10}{'goal':>8}")
    missed = emitted.wall > GOAL or events != total
    print(_line(f"{total} reminders emitted", emitted, total) + f"{f'<= {GOAL:g} s':>8}" + " MISSED" * missed)
    print(_line(f"{swept} events drained by relay", drained, swept))
    print(f"{events} events of {total} reminders; its CPU: the database's")
    return int(missed)


def _line(name: str, cost: Cost, count: int) -> str:
    rate = count / cost.wall if cost.wall else 0.0
    return f"{name:<34}{cost.wall:9.1f}{cost.own:9.1f}{cost.database:9.1f}{rate:10.0f}"
