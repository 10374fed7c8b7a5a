"""`scripts/bench idle`: what an idle minute costs: a wake-up of every function that has a tick, against one
wake-up that first asks the database whether the others have work.

Every process starts as on the platform, is asked for readiness as queue-proxy does, gets one tick over a
database in which nothing is due, and ends. CPU is that of the process until its end, and of the database's.
What a pod costs around its process (kubelet, container runtime, queue-proxy) is not in it.
"""

import argparse
import http.client
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import psycopg

from scripts.benchmarks import processes
from scripts.benchmarks.processes import PROJECT, RUNNER
from scripts.local.manifests import load
from scripts.local.model import Service
from scripts.local.postgres import DATABASE, EmbeddedPostgres
from shared.runtime.event import TICK

LEAST_ROUNDS = 5
ASKER = "relay"  # the function that would be woken by the one tick
QUEUE_PROXY_SECONDS = 0.05  # between two probes of a start
BACKEND_SECONDS = 0.1  # until the database has reaped what the process left behind
_FILL = """
insert into accounts (user_id, change_seq, created_at)
  select 'user-' || u, 1, now() from generate_series(1, 10000) u;
insert into tasks (user_id, id, title, status, priority, position, due_kind, due_wall, due_at, due_sort,
    reminders, change_seq, last_change, created_at, updated_at)
  select 'user-' || u, gen_random_uuid(), 'Water the plants', 'open', 4, 'a0', 'instant',
    now() at time zone 'UTC', now(), now(), '[]', 1, 'created', now(), now() from generate_series(1, 10000) u;
insert into reminders (user_id, id, task_id, remind_at, channels, state, created_at, updated_at)
  select user_id, gen_random_uuid(), id, now() + r * interval '1 day', '{}', 'scheduled', now(), now()
  from tasks, generate_series(1, 10) r;
vacuum analyze;
"""
_WORK = """
select exists (select from reminders where state = 'scheduled' and remind_at <= now()),
  exists (select from deliveries where state in ('pending', 'sending') and next_attempt_at <= now()),
  exists (select from accounts where next_digest_at <= now())
"""


@dataclass
class Costs:
    """Of the wake-ups of one function, in a row of rounds: CPU and wall seconds."""

    process: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def cpu(self) -> float:
        return statistics.median(self.process) + statistics.mean(self.database)


def main(arguments: Sequence[str]) -> int:
    """Has no goal: docs/decisions/0025-every-function-has-its-own-tick.md decides by it."""
    parser = argparse.ArgumentParser(prog="scripts/bench idle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS}")
    rounds = max(LEAST_ROUNDS, parser.parse_args(arguments).rounds)
    wiring = load(PROJECT)
    services = [wiring.services[tick.sink.name] for tick in wiring.ticks.values()]
    costs = {service.name: Costs() for service in services}
    with tempfile.TemporaryDirectory(prefix="taskflow-idle-") as name:
        postgres = EmbeddedPostgres(Path(name) / "postgres", durable=False)
        dsns = postgres.start()
        try:
            asked = _asked(postgres)
            for number in range(rounds + 1):
                for service in services:
                    into = costs[service.name] if number else Costs()
                    _wake(service, postgres, dsns, Path(name) / "log", into)
        finally:
            postgres.destroy()
    _report(costs, asked)
    return 0


def _asked(postgres: EmbeddedPostgres) -> float:
    """Seconds that the question takes on a fresh connection, over 10,000 users with 100,000 reminders."""
    found = []
    with psycopg.connect(postgres.admin_dsn, dbname=DATABASE, autocommit=True) as admin:
        for statement in _FILL.split(";")[:-1]:
            admin.execute(statement)
    for _ in range(10):
        with psycopg.connect(postgres.admin_dsn, dbname=DATABASE, autocommit=True) as fresh:
            began = time.perf_counter()
            assert fresh.execute(_WORK).fetchone() == (False, False, False)
            found.append(time.perf_counter() - began)
    return statistics.median(found)


def _wake(
    service: Service, postgres: EmbeddedPostgres, dsns: Mapping[str, str], log: Path, costs: Costs
) -> None:
    port = processes.free_port()
    dsn = dsns[dict(service.env)["DATABASE_URL"].key]  # type: ignore[union-attr]  # of a wiring that is tested
    env = processes.environment(
        service, DATABASE_URL=dsn, KAFKA_BOOTSTRAP_SERVERS="http://127.0.0.1:9", PORT=str(port)
    )
    with psycopg.connect(postgres.admin_dsn, dbname=DATABASE) as admin:
        before = processes.child_cpu_seconds(admin.info.backend_pid)
        wall, spent = _one_life(service.name, env, port, log)
        time.sleep(BACKEND_SECONDS)
        costs.database.append(processes.child_cpu_seconds(admin.info.backend_pid) - before)
    costs.wall.append(wall)
    costs.process.append(spent)


def _one_life(name: str, env: Mapping[str, str], port: int, log: Path) -> tuple[float, float]:
    """Seconds from the start of the process to the answer to its tick, and of CPU until its end."""
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(RUNNER, cwd=PROJECT, env=dict(env), stdout=output, stderr=output)
    try:
        _until_ready(process, port, log)
        status = _request(port, "POST", "/tick", _tick(name))
        wall = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    if (status, process.returncode) != (HTTPStatus.NO_CONTENT, 0):
        raise RuntimeError(f"{name} answered {status}, ended with {process.returncode}:\n{log.read_text()}")
    return wall, used.ru_utime + used.ru_stime


def _until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + processes.START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the process ended with code {process.returncode}:\n{log.read_text()}")
        try:
            if _request(port, "GET", "/health/readiness", {}) == HTTPStatus.NO_CONTENT:
                return
        except ConnectionRefusedError:
            pass
        time.sleep(QUEUE_PROXY_SECONDS)
    raise RuntimeError(f"not ready:\n{log.read_text()}")


def _request(port: int, method: str, path: str, headers: Mapping[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=processes.START_SECONDS)
    try:
        connection.request(method, path, headers=dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def _tick(name: str) -> dict[str, str]:
    source = f"/apis/v1/namespaces/todo-app/pingsources/{name}"
    return {"ce-specversion": "1.0", "ce-id": os.urandom(8).hex(), "ce-type": TICK, "ce-source": source}


def _report(costs: Mapping[str, Costs], asked: float) -> None:
    print(f"{'one idle wake-up':<34}{'CPU s':>8}{'of the database':>17}{'wall s':>9}")
    for name, found in costs.items():
        own, database = statistics.median(found.process), statistics.mean(found.database)
        print(f"{name:<34}{own:8.2f}{database:17.2f}{statistics.median(found.wall):9.2f}")
    each = sum(found.cpu() for found in costs.values())
    one = costs[ASKER].cpu() + asked
    print(f"{f'{len(costs)} ticks a minute':<34}{each:8.2f}{each / 60:17.1%} of a processor")
    print(f"{'one tick that asks (' + ASKER + ')':<34}{one:8.2f}{one / 60:17.1%} of a processor")
    print(f"the question takes {asked * 1000:.1f} ms; medians of {len(costs[ASKER].process)} rounds")
