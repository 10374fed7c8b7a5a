"""A database as it is after years: one user with very many rows, many users with a few. Used by `test_plans`.

Rows are made in the database (generate_series) as the superuser, without foreign key checks: what they point
at is made by the same formula.
"""

from uuid import UUID

import psycopg

BIG, TYPICAL = "big", "user-777"
USERS = 8_000

# Every user beside the big one has 3 rows of everything, the big one 30,000, and 200,000 tasks.
_PEOPLE = f"""
create temporary table people as
  select 'user-' || n as u from generate_series(1, {USERS}) n union all select '{BIG}';
create temporary table pairs as
  select u, k from people, generate_series(1, 3) k where u <> '{BIG}'
  union all select '{BIG}', k from generate_series(1, 30000) k;
create temporary table task_pairs as
  select u, k from people, generate_series(1, 3) k where u <> '{BIG}'
  union all select '{BIG}', k from generate_series(1, 200000) k;
create function pg_temp.id(u text, noun text, k bigint) returns uuid immutable
  return md5(u || '/' || noun || '/' || k)::uuid;
create function pg_temp.at(k bigint) returns timestamptz immutable
  return timestamptz '2025-01-01Z' + k % 500000 * interval '1 minute';
"""
_ROWS = """
insert into accounts (user_id, change_seq, created_at, tzdata, next_digest_at)
  select u, 1000000, '2025-01-01Z', '2026.1',
    case when hashtext(u) % 10 = 0 then timestamptz '2027-01-01Z' end from people;
insert into series (user_id, id, kind, rule, mode, value_type, anchor, state, change_seq, created_at,
    updated_at)
  select u, pg_temp.id(u, 'series', k), 'cron', '0 9 * * *', 'fixed', 'datetime', '2026-01-01 09:00',
    case when k % 50 = 0 then 'ended' else 'active' end, k, pg_temp.at(k), pg_temp.at(k)
  from pairs where k <= 5000;
insert into tasks (user_id, id, title, title_folded, status, priority, tags, tags_folded, parent_id, position,
    due_kind, due_wall, due_at, due_sort, series_id, occurrence_key, change_seq, last_change, created_at,
    updated_at, completed_at, deleted_at)
  select u, pg_temp.id(u, 'task', k), 'task ' || k, 'task ' || k,
    case when k % 3 = 0 then 'done' else 'open' end, k % 4 + 1, array['tag' || k % 20],
    array['tag' || k % 20],
    case when k % 10 = 0 then pg_temp.id(u, 'task', k / 10) end, 'a0',
    case when k % 2 = 0 then 'instant' end, case when k % 2 = 0 then pg_temp.at(k) at time zone 'UTC' end,
    case when k % 2 = 0 then pg_temp.at(k) end, case when k % 2 = 0 then pg_temp.at(k) else 'infinity' end,
    case when k <= 3 then pg_temp.id(u, 'series', k) end, case when k <= 3 then 'k1' end, k, 'created',
    pg_temp.at(k), pg_temp.at(k), case when k % 3 = 0 then pg_temp.at(k) end,
    case when k % 40 = 39 then pg_temp.at(k) end
  from task_pairs;
insert into occurrences (user_id, series_id, key, outcome, task_id, ordinal, created_at, after_key)
  select u, pg_temp.id(u, 'series', k % 100 + 1), 'k' || k, case when k <= 99 then 'open' else 'done' end,
    pg_temp.id(u, 'task', k), k, pg_temp.at(k), 'k' || k - 100 from pairs;
insert into reminders (user_id, id, task_id, remind_at, state, created_at, updated_at)
  select u, pg_temp.id(u, 'reminder', k), pg_temp.id(u, 'task', k), pg_temp.at(k),
    (array['sent', 'sent', 'cancelled', 'scheduled'])[k % 4 + 1], pg_temp.at(k), pg_temp.at(k) from pairs;
insert into outbox (user_id, seq, n, event_id, topic, type, source, schema_version, data, occurred_at,
    published_at, dead_at)
  select u, k, 0, pg_temp.id(u, 'event', k), 'task-events', 'io.taskflow.task.created.v1', '/taskflow/tasks',
    1, '{}', pg_temp.at(k), case when k % 500 <> 1 or u <> 'big' then pg_temp.at(k) end,
    case when k % 5000 = 2 then pg_temp.at(k) end from pairs;
insert into inbox (consumer, ce_source, ce_id, user_id, processed_at)
  select 'audit', '/taskflow/tasks', pg_temp.id(u, 'event', k)::text, u, pg_temp.at(k) from pairs;
insert into skipped_events (consumer, ce_source, ce_id, user_id, type, schema_version, skipped_at)
  select 'audit', '/taskflow/tasks', pg_temp.id(u, 'skip', k)::text, u, 'x', '9', pg_temp.at(k)
  from pairs where k <= 20000;
insert into event_failures (consumer, ce_source, ce_id, user_id, type, failed_at, error_class, next_replay_at)
  select 'audit', '/taskflow/tasks', pg_temp.id(u, 'failure', k)::text, u, 'x', pg_temp.at(k), 'transient',
    case when k % 100 = 1 then pg_temp.at(k) end from pairs where k <= 20000;
insert into idempotency (user_id, key, request_hash, status, body, created_at)
  select u, 'k' || k, 'h', 201, '{}', pg_temp.at(k) from pairs where k <= 20000;
insert into audit_heads (user_id, seq, hash) select u, 50000, 'h' from people;
insert into audit_entries (user_id, seq, event_id, type, task_id, task_version, occurred_at, recorded_at,
    entry, hash)
  select u, k, pg_temp.id(u, 'event', k), 'x', pg_temp.id(u, 'task', k % 1000 + 1), k, pg_temp.at(k),
    pg_temp.at(k), '{}', 'h' from pairs;
insert into webhooks (user_id, id, url, secret, events, state, created_at, updated_at)
  select u, pg_temp.id(u, 'webhook', k), 'https://x.example', 's', '{*}', 'enabled', pg_temp.at(k),
    pg_temp.at(k)
  from pairs where k <= 10;
insert into deliveries (user_id, id, event_id, event_type, channel, recipient, payload, state,
    next_attempt_at, created_at, updated_at)
  select u, pg_temp.id(u, 'delivery', k), pg_temp.id(u, 'event', k), 'task.created', 'webhook',
    pg_temp.id(u, 'webhook', (k - 1) % 10 + 1)::text, '{}',
    case when k % 100 = 1 then 'pending' else 'sent' end,
    case when k % 100 = 1 then pg_temp.at(k) end, pg_temp.at(k), pg_temp.at(k) from pairs;
insert into notifications (user_id, id, event_id, event_type, title, created_at, read_at)
  select u, pg_temp.id(u, 'notification', k), pg_temp.id(u, 'event', k), 'x', 't', pg_temp.at(k),
    case when k % 20 <> 1 then pg_temp.at(k) end from pairs;
analyze;
"""


def fill(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Make all rows; `connection` is the superuser's."""
    connection.execute("set session_replication_role = replica")
    for part in (_PEOPLE, _ROWS):
        for statement in part.split(";\n"):
            if statement.strip():
                connection.execute(statement)  # type: ignore[arg-type]  # text of this module


def identity(connection: psycopg.Connection[tuple[object, ...]], user: str, noun: str, k: int = 1) -> UUID:
    """The id that `fill` gave."""
    row = connection.execute("select md5(%s || '/' || %s || '/' || %s)::uuid", (user, noun, k)).fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]
