"""scripts/republish: what the log lost is pending again, and nothing else."""

import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from scripts.database.republishing import republish

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "republish"
# A time of its own: other tests of this process have rows in the same table.
NOW = datetime(2031, 5, 1, tzinfo=UTC)
_ROW = """insert into outbox (user_id, seq, n, event_id, topic, type, source, schema_version, data,
  occurred_at, published_at, dead_at) values (%s, %s, 0, %s, 'task-events', 'x', '/x', 1, '{}', %s, %s, %s)"""


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_events_of_the_period_are_pending_again(dsns, user_id):
    hours = {1: 1, 2: 23, 3: 25}
    with psycopg.connect(dsns["owner"]) as owner:
        owner.execute("select set_config('app.user_id', %s, true)", (user_id,))
        for seq, ago in hours.items():
            at = NOW - timedelta(hours=ago)
            owner.execute(_ROW, (user_id, seq, uuid.uuid4(), at, at, None))
        owner.execute(_ROW, (user_id, 4, uuid.uuid4(), NOW, None, NOW))
    assert republish(dsns["relay"], timedelta(hours=24), now=NOW) == 2
    assert republish(dsns["relay"], timedelta(hours=24), now=NOW) == 0
    with psycopg.connect(dsns["owner"]) as owner:
        owner.execute("select set_config('app.user_id', %s, true)", (user_id,))
        due = owner.execute(
            "select seq from outbox where published_at is null and dead_at is null order by 1"
        )
        assert due.fetchall() == [(1,), (2,)]
        owner.execute("delete from outbox")


@pytest.mark.parametrize(
    ("hours", "environment", "said"),
    [
        ("24", {}, "DATABASE_URL is not set"),
        ("0", {"DATABASE_URL": "x"}, "more than 0"),
        ("169", {"DATABASE_URL": "x"}, "at most 168"),
        ("24", {"DATABASE_URL": "postgresql://relay@127.0.0.1:1/x"}, "role relay"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(hours, environment, said):
    done = run("--hours", hours, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
