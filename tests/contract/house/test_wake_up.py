"""What a process has imported when it gives its first answer: the price of every wake from zero."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.benchmarks import processes
from scripts.benchmarks.issuer import served
from scripts.benchmarks.processes import PROJECT, ask, environment, first_answer, started
from scripts.local.issuer import AUDIENCE, ISSUER
from scripts.local.manifests import load
from shared.testing.ports import reserve

NAMES = sorted(path.parent.name for path in PROJECT.glob("functions/*/main.py"))
TRACED = (sys.executable, "-X", "importtime", "-m", "shared.runtime.serve")
LATE = {"sqlalchemy", "alembic", "pydantic", "kafka", "requests", "cronsim", "dateutil", "prometheus_client"}
NEVER = {"gunicorn", "mcp", "setuptools", "pkg_resources", "pytest"}
# Modules of a process, the interpreter's own included. A higher number is a decision: write down why.
READY_CAP, READ_CAP = 610, 670


def modules(log: Path) -> set[str]:
    lines = log.read_text(errors="replace").splitlines()
    return {
        line.split("|")[2].strip()
        for line in lines
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
    assert len(found) <= READY_CAP, f"{name} imports {len(found)} modules before it is ready"


def test_a_first_read_of_a_task_loads_no_more_than_it_needs(
    dsns: Mapping[str, str], tmp_path: Path, user_id: str
):
    log = tmp_path / "log"
    with served(tmp_path) as (issuer, jwks):
        token = issuer.token(user_id)
        env = environment(
            load(PROJECT).services["tasks"],
            DATABASE_URL=dsns["api"],
            AUTH_ISSUER=ISSUER,
            AUTH_AUDIENCE=AUDIENCE,
            AUTH_JWKS_URL=jwks,
            KAFKA_BOOTSTRAP_SERVERS="http://127.0.0.1:9",
        )
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
    assert len(found) <= READ_CAP, f"a read imports {len(found)} modules"
