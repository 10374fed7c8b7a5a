"""What a process has imported when it gives its first answer: the price of every wake from zero."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts.benchmarks import processes
from scripts.benchmarks.issuer import served
from scripts.benchmarks.processes import PROJECT, START_SECONDS, ask, environment, first_answer, started
from scripts.local.issuer import AUDIENCE, ISSUER
from scripts.local.manifests import load
from shared.testing.ports import reserve

NAMES = sorted(path.parent.name for path in PROJECT.glob("functions/*/main.py"))
TRACED = (sys.executable, "-X", "importtime", "-m", "shared.runtime.serve")
LATE = {"sqlalchemy", "alembic", "pydantic", "kafka", "requests", "cronsim", "dateutil", "prometheus_client"}
NEVER = {"gunicorn", "mcp", "setuptools", "pkg_resources", "pytest"}
# Modules of a process, the interpreter's own included. A higher number is a decision: write down why.
READY_CAP, READ_CAP, WRITE_CAP = 610, 670, 15
NEWER = 15 * (sys.version_info >= (3, 12))  # modules that later interpreters have split off
TASK = """{"title": "Water the plants", "due": "2030-03-31T09:00:00+02:00", "tags": ["garden"],
    "recurrence": {"cron": "0 9 * * 1-5"}, "reminders": [{"before_minutes": 10}]}"""


BEGUN, ENDED = '"message": "preloading"', '"message": "preloaded"'


def modules(log: Path) -> set[str]:
    """What was imported before anything was loaded in the background: that begins after the first answer."""
    return _imported(log.read_text(errors="replace").partition(BEGUN)[0])


def _imported(text: str) -> set[str]:
    return {
        line.split("|")[2].strip()
        for line in text.splitlines()
        if line.startswith("import time:") and line.count("|") == 2
    }


def packages(found: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in found}


def ready(name: str, log: Path, **changed: str) -> set[str]:
    port = reserve()
    env = environment(load(PROJECT).services[name], PORT=str(port), **changed)
    with started(TRACED, env, log) as process:
        answer = first_answer(process, port, "/health/readiness", log=log)
    assert answer.status in (200, 204), log.read_text()
    return modules(log)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_heavy_comes_before_the_first_answer(tmp_path, name):
    found = ready(name, tmp_path / "log")

    assert not packages(found) & (LATE | NEVER)
    assert len(found) <= READY_CAP + NEWER, f"{name} imports {len(found)} modules before it is ready"


@pytest.fixture
def served_tasks(
    dsns: Mapping[str, str], tmp_path: Path, user_id: str
) -> Iterator[tuple[dict[str, str], str]]:
    """The environment of `tasks` with a database and an issuer, and the token of a user."""
    with served(tmp_path) as (issuer, jwks):
        env = environment(
            load(PROJECT).services["tasks"],
            DATABASE_URL=dsns["api"],
            AUTH_ISSUER=ISSUER,
            AUTH_AUDIENCE=AUDIENCE,
            AUTH_JWKS_URL=jwks,
            KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9",  # nothing there: what is published waits
        )
        yield env, issuer.token(user_id)


def test_a_first_read_of_a_task_loads_no_more_than_it_needs(
    served_tasks: tuple[dict[str, str], str], tmp_path: Path
):
    (env, token), log = served_tasks, tmp_path / "log"
    port = reserve()
    with started(processes.RUNNER, {**env, "PORT": str(port)}, log) as process:
        first_answer(process, port, "/health/liveness", log=log)
        made = ask(port, "POST", "/v1/tasks", token=token, body='{"title": "Wake up"}')
        assert made.status == 201, made.body
    port = reserve()
    with started(TRACED, {**env, "PORT": str(port)}, log) as process:
        read = first_answer(process, port, made.headers["Location"], log=log, token=token)
    found = modules(log)

    assert read.status == 200, read.body
    assert not packages(found) & (LATE | NEVER)
    assert len(found) <= READ_CAP + NEWER, f"a read imports {len(found)} modules"


def test_the_first_writes_find_loaded_what_they_need(
    served_tasks: tuple[dict[str, str], str], tmp_path: Path
):
    """Everything of ours and everything heavy; what is left are codecs and the like."""
    (env, token), log, port = served_tasks, tmp_path / "log", reserve()
    with started(TRACED, {**env, "PORT": str(port)}, log) as process:
        first_answer(process, port, "/health/readiness", log=log)
        deadline = time.monotonic() + START_SECONDS
        while ENDED not in log.read_text(errors="replace"):
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.02)
        made = ask(port, "POST", "/v1/tasks", token=token, body=TASK)
        assert made.status == 201, made.body
        path = made.headers["Location"]
        answers = [
            ask(port, "PATCH", path, token=token, body='{"title": "Fresh"}'),
            ask(port, "POST", f"{path}/snooze", token=token, body='{"minutes": 60}'),
            ask(port, "POST", f"{path}/complete", token=token),
            ask(port, "POST", f"{path}/reopen", token=token),
            ask(port, "DELETE", path, token=token),
        ]
    late = _imported(log.read_text(errors="replace").partition(ENDED)[2])

    assert [answer.status for answer in answers] == [200, 200, 200, 200, 204], answers
    assert '"failed": 0' in log.read_text(errors="replace")
    assert not packages(late) & (
        LATE | NEVER | {"functions", "shared", "jwt", "cryptography", "psycopg_pool"}
    )
    assert len(late) <= WRITE_CAP, sorted(late)
