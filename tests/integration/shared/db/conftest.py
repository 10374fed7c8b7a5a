"""Rows for every table, and connections as each role."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

AT = datetime(2026, 1, 1, tzinfo=UTC)


def sample(user: str) -> dict[str, dict[str, Any]]:
    """One valid row a table, parents first."""
    ids = {name: uuid.uuid5(uuid.NAMESPACE_OID, f"{user}/{name}") for name in ("series", "task", "other")}
    event = {"consumer": "audit", "ce_source": "/taskflow/tasks", "ce_id": f"{user}/event"}
    stamps = {"created_at": AT, "updated_at": AT}
    return {
        "accounts": {"user_id": user, "created_at": AT, "next_digest_at": AT},
        "series": {"user_id": user, "id": ids["series"], "kind": "cron", "rule": "0 9 * * *", "mode": "fixed",
                   "value_type": "datetime", "anchor": datetime(2026, 1, 1, 9), "state": "active",
                   "change_seq": 1, **stamps},
        "tasks": {"user_id": user, "id": ids["task"], "title": "t", "status": "open", "priority": 4,
                  "position": "a0", "due_sort": AT, "change_seq": 1, "last_change": "created",
                  "series_id": ids["series"], "occurrence_key": "k", **stamps},
        "occurrences": {"user_id": user, "series_id": ids["series"], "key": "k", "outcome": "open",
                        "task_id": ids["task"], "ordinal": 1, "created_at": AT},
        "reminders": {"user_id": user, "id": ids["other"], "task_id": ids["task"], "remind_at": AT,
                      "state": "scheduled", **stamps},
        "outbox": {"user_id": user, "seq": 1, "n": 0, "event_id": ids["other"], "topic": "task-events",
                   "type": "x", "source": "/x", "schema_version": 1, "data": "{}", "occurred_at": AT},
        "inbox": {**event, "user_id": user, "processed_at": AT},
        "skipped_events": {**event, "user_id": user, "type": "x", "schema_version": "2", "skipped_at": AT},
        "event_failures": {**event, "user_id": user, "type": "x", "failed_at": AT},
        "idempotency": {"user_id": user, "key": "k", "request_hash": b"h", "status": 201, "body": "{}",
                        "created_at": AT},
        "audit_heads": {"user_id": user, "seq": 1, "hash": b"h"},
        "audit_entries": {"user_id": user, "seq": 1, "event_id": ids["other"], "type": "x",
                          "occurred_at": AT, "recorded_at": AT, "entry": "{}", "hash": b"h"},
        "webhooks": {"user_id": user, "id": ids["other"], "url": "https://x", "secret": b"s",
                     "state": "enabled", **stamps},
        "deliveries": {"user_id": user, "id": ids["other"], "event_id": ids["other"], "event_type": "x",
                       "channel": "webhook", "recipient": "r", "payload": "{}", "state": "pending", **stamps},
        "notifications": {"user_id": user, "id": ids["other"], "event_id": ids["other"], "event_type": "x",
                          "title": "t", "created_at": AT},
    }  # fmt: skip


def insert(table: str, row: dict[str, Any], suffix: str = "") -> tuple[sql.Composed, dict[str, Any]]:
    return (
        sql.SQL("insert into {} ({}) values ({}) " + suffix).format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
        ),
        row,
    )


def act_as(connection: psycopg.Connection[Any], user: str) -> None:
    connection.execute("select set_config('app.user_id', %s, true)", (user,))


@pytest.fixture
def connect(dsns) -> Iterator[Callable[[str], psycopg.Connection[Any]]]:
    """A connection as a role; its transaction is rolled back after the test."""
    with ExitStack() as stack:

        def open_as(role: str) -> psycopg.Connection[Any]:
            connection = psycopg.connect(dsns[role])
            stack.callback(connection.close)
            return connection

        yield open_as


@pytest.fixture
def filled(dsns, user_id) -> str:
    """A user with one committed row in every table."""
    with psycopg.connect(dsns["owner"]) as owner:
        act_as(owner, user_id)
        for table, row in sample(user_id).items():
            owner.execute(*insert(table, row))
    return user_id
