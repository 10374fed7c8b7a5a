"""What the pool does before it connects, and the values of the database layer that need no database."""

import socket
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.db.pool import Database, _split
from shared.db.store.failures import storable
from shared.db.store.reconciliation import _expectations
from shared.testing.clock import START, SimulatedClock


def test_nothing_exists_before_first_use():
    before = threading.active_count()
    database = Database("postgresql://nobody@nowhere.invalid/x")
    database.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://a:b@h:5/d?sslmode=require", ("postgresql://a:b@h:5/d?sslmode=require", 5)),
        ("postgresql://a:b@h/d?prepare_threshold=none", ("postgresql://a:b@h/d", None)),
        ("postgresql://h/d?sslmode=require&prepare_threshold=0", ("postgresql://h/d?sslmode=require", 0)),
        (
            "postgresql://a:b@/d?host=%2Frun%2Fx&prepare_threshold=None",
            ("postgresql://a:b@/d?host=%2Frun%2Fx", None),
        ),
        ("postgresql:///d?prepare_threshold=none", ("postgresql:///d", None)),
        ("host=h dbname=d", ("host=h dbname=d", 5)),
        ("host=h prepare_threshold=none dbname=d", ("host=h dbname=d", None)),
    ],
)
def test_our_own_option_leaves_the_dsn(dsn, expected):
    assert _split(dsn) == expected


def test_text_that_postgresql_cannot_store_is_replaced_at_any_depth():
    value = {"a\0": ["\0", {"b": ("x", None, 1.5, True)}]}
    assert storable(value) == {"a\ufffd": ["\ufffd", {"b": ["x", None, 1.5, True]}]}


def test_expectations_are_those_of_the_catalog():
    found = set(_expectations())
    assert ("io.taskflow.task.completed.v1", "recurring", "recurrence") in found
    assert ("io.taskflow.reminder.due.v1", None, "notifications") in found
    assert not any(event_type == "io.taskflow.task.changed.v1" for event_type, _, _ in found)


def test_the_simulated_clock_stands_still_and_speaks_utc():
    clock = SimulatedClock()
    assert clock() == clock.now == START
    assert clock.advance(minutes=1) == clock.advance(timedelta(0)) == START + timedelta(minutes=1)
    clock.now = datetime(2026, 6, 1, 8, tzinfo=timezone(timedelta(hours=2)))
    assert clock.now.tzinfo is UTC
    assert clock.now.hour == 6


def test_unit_tests_cannot_open_sockets():
    with socket.socket() as unconnected, pytest.raises(RuntimeError, match="tests/integration"):
        unconnected.connect(("127.0.0.1", 9))
