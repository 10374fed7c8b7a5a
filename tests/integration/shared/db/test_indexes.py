"""Deletes and claims find their rows by an index, as the catalogue and the planner tell."""

from datetime import timedelta

import pytest

from shared.db.retention import RETENTION, Keep
from shared.db.store import forgetting

RULES = [(table, rule) for table, found in RETENTION.items() if not isinstance(found, Keep) for rule in found]
CLAIMS = {
    "reminders due, over all users": (
        "ticker",
        (
            "select user_id, remind_at, id from reminders where state = 'scheduled' and remind_at <= %(now)s"
            " and (remind_at, id) > (%(now)s, %(id)s) order by remind_at, id limit 10"
        ),
    ),
    "reminders due, of one user": (
        "ticker",
        (
            "select id from reminders where user_id = 'u' and state = 'scheduled' and remind_at <= %(now)s"
            " order by remind_at, id limit 10"
        ),
    ),
    "deliveries due, to one recipient of one user": (
        "consumer",
        (
            "select id from deliveries where user_id = 'u' and recipient = 'r'"
            " and state in ('pending', 'sending') and next_attempt_at <= %(now)s"
            " order by next_attempt_at, id limit 10"
        ),
    ),
    "the next recipient, over all users": (
        "consumer",
        (
            "select user_id, recipient, next_attempt_at from deliveries where state in ('pending', 'sending')"
            " and (user_id, recipient) > ('u', 'r') order by user_id, recipient, next_attempt_at limit 1"
        ),
    ),
    "digests due, over all users": (
        "consumer",
        (
            "select user_id, next_digest_at from accounts where next_digest_at <= %(now)s"
            " and (next_digest_at, user_id) > (%(now)s, 'u') order by next_digest_at, user_id limit 10"
        ),
    ),
    "unread messages": (
        "api",
        (
            "select id from notifications where user_id = 'u' and read_at is null"
            " order by created_at desc, id desc limit 10"
        ),
    ),
    "tasks in the trash": (
        "relay",
        (
            "select user_id, id from tasks where deleted_at < %(now)s"
            " and (deleted_at, id) > (%(now)s, %(id)s) order by deleted_at, id limit 10"
        ),
    ),
    "dead letters to replay": (
        "relay",
        (
            "select user_id from event_failures where next_replay_at <= %(now)s"
            " order by next_replay_at limit 10"
        ),
    ),
}


def test_every_foreign_key_has_an_index_on_the_side_that_refers(connect):
    """Without it the delete of a parent reads the whole table of the children, under its locks."""
    missing = connect("owner").execute(
        """select conrelid::regclass::text, conname from pg_constraint c
           where contype = 'f' and connamespace = 'public'::regnamespace
             and not exists (select from pg_index i where i.indrelid = c.conrelid
               and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
               and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) like '%% IS NOT NULL)'))"""
    )
    assert missing.fetchall() == []


@pytest.mark.parametrize(("table", "rule"), RULES, ids=[f"{table}-{rule.since}" for table, rule in RULES])
def test_old_rows_are_found_in_the_order_of_an_index(connect, sim_clock, table, rule):
    connection = connect("relay")
    plan = explain(connection, forgetting.oldest(table, rule), (sim_clock.now - timedelta(days=1), 5000))
    assert "Index" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_are_found_in_the_order_of_an_index(connect, sim_clock, name):
    role, statement = CLAIMS[name]
    values = {"now": sim_clock.now, "id": "00000000-0000-0000-0000-000000000000"}
    plan = explain(connect(role), statement, values)
    assert "Seq Scan" not in plan
    assert "Sort" not in plan


def explain(connection, statement, values):
    """What the planner would do with large tables: neither scan them nor sort."""
    never = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort")
    for setting in never:
        connection.execute(f"set local {setting} = off")
    return "\n".join(row[0] for row in connection.execute(f"explain {statement}", values))
