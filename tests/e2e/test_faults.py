"""Nothing is lost and nothing is doubled: processes die, events come twice, poison arrives, all stops."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Platform, User, eventually

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}
DEAD = "task-events-dlq"


def occurrences_of(user: User) -> list[str]:
    return sorted(t["occurrence_key"] for t in user.items("/v1/tasks?status=open,done"))


def audit_is_whole(user: User, *, entries: int) -> bool:
    verdict = user("GET", "/v1/audit/verify").json()
    return bool(verdict["valid"]) and verdict["entries"] == entries


@pytest.mark.parametrize("place", ["before_inbox", "after_inbox", "after_effect", "after_commit"])
def test_killing_recurrence_at_any_step_loses_and_doubles_nothing(own_platform, tmp_path: Path, place: str):
    marker = tmp_path / "died"
    platform = own_platform(env={"FAILPOINTS": f"consume:recurrence:{place}:{marker}"})
    ada = platform.user("ada")
    ada.complete(ada.create(**DAILY))
    eventually(lambda: len(ada.open_tasks()) == 1, what="one next occurrence")
    assert marker.exists(), "recurrence was not killed"
    eventually(platform.settled, what="nothing in flight")
    assert len(occurrences_of(ada)) == 2
    eventually(lambda: audit_is_whole(ada, entries=3), what="created, completed, created")


@pytest.mark.parametrize("place", ["publish:before", "publish:after_ack"])
def test_killing_the_publisher_leaves_the_rows_to_the_sweep(own_platform, tmp_path: Path, place: str):
    marker = tmp_path / "died"
    platform = own_platform(env={"FAILPOINTS": f"{place}:{marker}"})
    ada = platform.user("ada")
    task = ada.create(**DAILY)
    eventually(marker.exists, what="the death of tasks")
    platform.control("/tick/relay")
    eventually(lambda: audit_is_whole(ada, entries=1), what="the creation in the audit log")
    ada.complete(task)
    eventually(lambda: len(ada.open_tasks()) == 1, what="the next occurrence")
    eventually(lambda: audit_is_whole(ada, entries=3), what="every event once in the audit log")


def test_an_event_that_comes_twice_has_one_effect(platform: Platform):
    ada = platform.user("twice")
    ada.complete(ada.create(**DAILY))
    eventually(lambda: audit_is_whole(ada, entries=3), what="three audit entries")
    history = ada.items("/v1/audit")
    completed = next(e for e in history if e["type"] == "io.taskflow.task.completed.v1")
    data = {
        "event_id": completed["event_id"],
        "schema_version": 1,
        "event_type": completed["type"],
        "user_id": "twice",
        "task_id": completed["task_id"],
        "task_version": completed["task_version"],
        "occurred_at": completed["occurred_at"],
        "actor": {"kind": "user", "id": "twice"},
        "changes": {},
    }
    for _ in range(3):
        platform.run(
            "emit", completed["type"], "--topic", "task-events", "--user", "twice",
            "--id", completed["event_id"], "--source", "/taskflow/tasks",
            "--extension", "recurring=true", "--data", json.dumps(data),
        )  # fmt: skip
    eventually(platform.settled, what="all delivered")
    assert len(occurrences_of(ada)) == 2
    assert audit_is_whole(ada, entries=3)


def test_poison_is_a_dead_letter_within_seconds_and_delays_nobody(platform: Platform):
    before = platform.status()["dead_letters"][DEAD]
    platform.run(
        "emit", "io.taskflow.task.completed.v1", "--topic", "task-events", "--user", "poison",
        "--extension", "recurring=true", "--data", '{"event_id": "nonsense"}',
    )  # fmt: skip
    # Two consumers, recurrence and audit, refuse it.
    eventually(lambda: platform.status()["dead_letters"][DEAD] >= before + 2, what="two dead letters")
    listed = platform.run("dlq", "list")
    assert "io.taskflow.task.completed.v1" in listed
    assert "recurrence" in listed
    gil = platform.user("gil")
    gil.complete(gil.create(**DAILY))
    eventually(gil.open_tasks, what="the next occurrence behind the poison")


def test_stopping_and_starting_again_continues_where_it_was(own_platform):
    platform = own_platform()
    ada = platform.user("ada")
    task = ada.create(**DAILY)
    ada.complete(task)
    assert platform.stop() == 0
    platform.start()
    eventually(lambda: len(ada.open_tasks()) == 1, what="the next occurrence after the restart")
    eventually(lambda: audit_is_whole(ada, entries=3), what="the whole audit log")


def test_killing_the_platform_itself_loses_nothing(own_platform):
    platform = own_platform()
    ada = platform.user("ada")
    done = [ada.complete(ada.create(**DAILY)) for _ in range(5)]
    platform.kill()
    platform.start()
    eventually(lambda: len(ada.open_tasks()) == len(done), what="five next occurrences", patience=120)
    platform.control("/tick/relay")
    eventually(lambda: audit_is_whole(ada, entries=3 * len(done)), what="every event once", patience=120)


def test_stopping_leaves_no_process_behind(own_platform):
    platform = own_platform()
    platform.user("ada").create()
    pids = [pid for s in platform.status()["services"].values() for pid in s["pids"]]
    assert pids
    assert platform.stop() == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(platform.home).encode() in _read(p)]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
