"""What is old is forgotten, table by table, and what is young stays; one table that fails stops no other."""

from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from functions.relay.retention import Retention
from shared.db.retention import RETENTION, Forget, Keep
from shared.db.store import forgetting
from tests.integration.shared.db.conftest import act_as, insert, sample

RULES = [(table, rule) for table, found in RETENTION.items() if not isinstance(found, Keep) for rule in found]
STATES = {
    "state = 'cancelled'": {"state": "cancelled"},
    "state in ('sent', 'passed')": {"state": "passed"},
    "state in ('sent', 'failed')": {"state": "failed"},
}


@pytest.fixture
def store(dsns, user_id, rows):
    """One row of that table whose instant is that long ago, with its parents."""

    def put(table, rule, at):
        with psycopg.connect(dsns["owner"]) as owner:
            act_as(owner, user_id)
            known = sample(user_id)
            known[table] |= {rule.since: at} | STATES.get(rule.where, {})
            for name in dict.fromkeys(("accounts", "series", "tasks", table)):
                owner.execute(*insert(name, known[name], "on conflict do nothing"))

    return put


@pytest.mark.parametrize(("table", "rule"), RULES, ids=[f"{table}-{rule.since}" for table, rule in RULES])
def test_a_row_stays_for_its_time_and_not_longer(store, rows, uow, user_id, sim_clock, table, rule):
    count = sql.SQL("select count(*) from {} where user_id = %s").format(sql.Identifier(table)).as_string()
    store(table, rule, sim_clock.now - rule.age + timedelta(minutes=1))
    retention = Retention(uow("relay", source="/taskflow/relay"))
    retention.run()
    assert rows(count, user_id) == [(1,)]
    sim_clock.advance(minutes=2)
    retention.run()
    assert rows(count, user_id) == [(0,)]


def test_what_is_not_over_stays_for_ever(rows, uow, store, user_id, sim_clock):
    """A reminder to come, a delivery that waits and an event to publish have no age."""
    for table, since in (
        ("reminders", "updated_at"),
        ("deliveries", "updated_at"),
        ("outbox", "occurred_at"),
    ):
        store(table, Forget(timedelta(0), since, "", ""), sim_clock.now - timedelta(days=4000))
    Retention(uow("relay", source="/taskflow/relay")).run()
    for table in ("reminders", "deliveries", "outbox", "accounts", "series", "tasks"):
        assert rows(f"select count(*) from {table} where user_id = %s", user_id) == [(1,)]


def test_a_table_that_fails_stops_no_other(rows, uow, store, user_id, sim_clock, monkeypatch):
    (rule,) = RETENTION["notifications"]
    store("notifications", rule, sim_clock.now - timedelta(days=365))
    forget = forgetting.forget

    def fail(tx, table, *args, **kwargs):
        if table == "outbox":
            raise RuntimeError
        return forget(tx, table, *args, **kwargs)

    monkeypatch.setattr("functions.relay.retention.forgetting.forget", fail)
    with pytest.raises(RuntimeError):
        Retention(uow("relay", source="/taskflow/relay")).run()
    assert rows("select count(*) from notifications where user_id = %s", user_id) == [(0,)]


def test_batches_go_on_until_nothing_old_is_left(rows, uow, user_id, sim_clock, monkeypatch):
    monkeypatch.setattr("functions.relay.retention.BATCH", 3)
    rows(
        "insert into inbox select 'audit', %s, n::text, %s, %s from generate_series(1, 10) n",
        user_id,
        user_id,
        sim_clock.now - timedelta(days=31),
    )
    Retention(uow("relay", source="/taskflow/relay")).run()
    assert rows("select count(*) from inbox where user_id = %s", user_id) == [(0,)]
