"""kill -9 at every step of handling and of publishing: nothing is lost, nothing has two effects."""

import json
import uuid

import psycopg
import pytest

TYPE = "io.taskflow.task.completed.v1"


def _deliver(process, user_id: str, id: str) -> int:  # noqa: A002  # the attribute's own name
    data = {
        "event_id": id,
        "schema_version": 1,
        "event_type": TYPE,
        "user_id": user_id,
        "task_id": str(uuid.uuid4()),
        "task_version": 1,
        "occurred_at": "2026-01-01T12:00:00Z",
        "actor": {"kind": "user", "id": user_id},
    }
    headers = {
        "ce-specversion": "1.0",
        "ce-id": id,
        "ce-source": "/taskflow/tasks",
        "ce-type": TYPE,
        "ce-partitionkey": user_id,
        "content-type": "application/json",
    }
    return process.request("POST", "/", json.dumps(data).encode(), headers)[0]


@pytest.mark.parametrize(
    ("point", "effects_after_crash"),
    [("before_inbox", 0), ("after_inbox", 0), ("after_effect", 0), ("after_commit", 1)],
)
def test_a_killed_consumer(start, dsns, user_id, tmp_path, point, effects_after_crash):
    name = psycopg.conninfo.conninfo_to_dict(dsns["owner"])["dbname"]
    env = {"DATABASE_URL": dsns["consumer"], "FAILPOINTS": f"consume:events:{point}:{tmp_path / 'died'}"}
    first = start("events", **env)
    event_id = str(uuid.uuid4())
    with pytest.raises(OSError):
        _deliver(first, user_id, event_id)
    assert first.process.wait(10) == 137
    assert any("FAILPOINT ARMED" in message for message in first.messages())
    assert any("FAILPOINT HIT" in message for message in first.messages())
    with psycopg.connect(dsns["admin"], dbname=name, autocommit=True) as owner:

        def effects() -> int:
            return owner.execute("select count(*) from outbox where user_id = %s", (user_id,)).fetchone()[0]

        assert effects() == effects_after_crash
        second = start("events", **env)
        assert _deliver(second, user_id, event_id) == 204
        assert _deliver(second, user_id, event_id) == 204
        assert effects() == 1
