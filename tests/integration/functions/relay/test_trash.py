"""The trash is emptied after thirty days: tasks, their place in series, what clients may still ask for."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from functions.relay.trash import Purge
from functions.tasks.tasks import verbs
from shared.db.repositories.feed import Feed
from shared.domain.errors import NotFound
from shared.testing.deliveries import CAUSE

DUE = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture
def purge(uow):
    return Purge(uow("relay", source="/taskflow/relay")).run


@pytest.fixture
def api(uow, user_id):
    """`api(verb)`: what that function of a transaction returns, as `tasks`."""
    unit = uow("api", source="/taskflow/tasks")

    def run(verb):
        with unit.write(user_id, CAUSE) as tx:
            return verb(tx)

    return run


@pytest.fixture
def count(rows, user_id):
    return lambda table: rows(f"select count(*) from {table} where user_id = %s", user_id)[0][0]


@pytest.fixture
def trash(api, rows):
    """Put a task into the trash."""
    return lambda task_id: api(lambda tx: verbs.delete(tx, task_id))


@pytest.fixture
def series_task(rows, user_id, add_task):
    """The open occurrence of a series, and n that are done."""

    def make(done=0):
        series, tasks = uuid4(), [add_task(user_id, due=DUE).id for _ in range(done + 1)]
        rows(
            """insert into series (user_id, id, kind, rule, mode, value_type, anchor, state, change_seq,
                 created_at, updated_at)
               values (%s, %s, 'rrule', 'FREQ=DAILY', 'fixed', 'datetime', '2026-01-05 08:00', 'active', 1,
                 now(), now())""",
            user_id,
            series,
        )
        for n, task in enumerate(tasks):
            status = "open" if n == done else "done"
            rows(
                "update tasks set series_id = %s, occurrence_key = %s, status = %s,"
                " completed_at = case when %s = 'done' then created_at end where user_id = %s and id = %s",
                series, f"k{n}", status, status, user_id, task,
            )  # fmt: skip
            rows(
                "insert into occurrences (user_id, series_id, key, outcome, task_id, ordinal, created_at)"
                " values (%s, %s, %s, %s, %s, %s, now())",
                user_id, series, f"k{n}", status, task, n + 1,
            )  # fmt: skip
        return series, tasks

    return make


def test_a_task_stays_for_thirty_days_and_not_longer(purge, add_task, trash, count, user_id, sim_clock):
    add_task(user_id)
    trash(add_task(user_id, at=[sim_clock.now + timedelta(days=300)]).id)
    sim_clock.advance(days=29, hours=23)
    purge()
    assert (count("tasks"), count("reminders")) == (2, 1)
    sim_clock.advance(hours=2)
    purge()
    assert (count("tasks"), count("reminders")) == (1, 0)


def test_a_restored_task_stays(purge, api, add_task, trash, count, user_id, sim_clock):
    task = add_task(user_id)
    trash(task.id)
    sim_clock.advance(days=31)
    api(lambda tx: verbs.restore(tx, task.id))
    purge()
    assert count("tasks") == 1


def test_a_client_with_an_older_token_must_begin_anew(purge, uow, rows, add_task, trash, user_id, sim_clock):
    task = add_task(user_id)
    [(before,)] = rows("select change_seq from accounts where user_id = %s", user_id)
    trash(task.id)
    [(after,)] = rows("select change_seq from accounts where user_id = %s", user_id)
    sim_clock.advance(days=31)
    purge()
    with uow("api").sweep() as tx:
        old, current = Feed(tx).read([(user_id, before), (user_id, after)])
    assert (old.lost, current.lost) == (True, False)


def test_the_purge_of_an_open_occurrence_ends_its_series(
    purge, api, series_task, trash, rows, count, user_id, sim_clock
):
    series, tasks = series_task(done=2)
    trash(tasks[-1])
    assert rows("select state from series where id = %s", series) == [("stopped",)]
    sim_clock.advance(days=31)
    purge()
    assert rows("select state, state_reason from series where id = %s", series) == [("ended", "purged")]
    outcomes = "select outcome, task_id from occurrences where series_id = %s order by ordinal"
    assert rows(outcomes, series) == [("done", tasks[0]), ("done", tasks[1])]
    [(subject, data)] = rows(
        "select subject, data::jsonb from outbox where user_id = %s and type = 'io.taskflow.series.ended.v1'",
        user_id,
    )
    assert (subject, data["series_id"]) == (str(tasks[-1]), str(series))
    assert data["changes"] == {"state": {"from": "stopped", "to": "ended"}}
    with pytest.raises(NotFound):
        api(lambda tx: verbs.restore(tx, tasks[-1]))
    purge()
    assert rows("select state from series where id = %s", series) == [("ended",)]


def test_a_purged_done_occurrence_stays_in_the_record(purge, series_task, trash, rows, sim_clock):
    series, tasks = series_task(done=1)
    trash(tasks[0])
    sim_clock.advance(days=31)
    purge()
    assert rows("select state from series where id = %s", series) == [("active",)]
    outcomes = "select outcome, task_id from occurrences where series_id = %s order by ordinal"
    assert rows(outcomes, series) == [("done", None), ("open", tasks[1])]


def test_a_series_goes_with_its_last_task(purge, series_task, trash, count, sim_clock):
    _, tasks = series_task(done=2)
    for task in tasks:
        trash(task)
    sim_clock.advance(days=31)
    purge()
    assert (count("tasks"), count("series"), count("occurrences")) == (0, 0, 0)


def test_one_user_neither_takes_all_nor_stops_the_others(purge, rows, add_task, dsns, sim_clock, monkeypatch):
    monkeypatch.setattr("functions.relay.trash.TASKS", 2)
    monkeypatch.setattr("functions.relay.trash.PAGE", 3)
    many, locked, other = (f"{c}-{uuid4()}" for c in "abc")
    owners = [many] * 5 + [locked, other]
    for owner in owners:
        add_task(owner)
    rows("update tasks set deleted_at = %s where user_id = any(%s)", sim_clock.now, [many, locked, other])
    sim_clock.advance(days=31)
    name = conninfo_to_dict(dsns["owner"])["dbname"]
    left = "select user_id, count(*) from tasks where user_id = any(%s) group by 1 order by 1"
    with psycopg.connect(dsns["admin"], dbname=name) as blocker:
        blocker.execute("select from accounts where user_id = %s for update", (locked,))
        purge()
        assert rows(left, [locked, other]) == [(locked, 1)]
    for _ in range(3):
        purge()
    assert rows(left, [many, locked, other]) == []
