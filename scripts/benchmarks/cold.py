"""`scripts/bench cold`: from process start to the first answer, against a stock functions-framework hello.

Every round starts every subject once, so that other load on the machine affects all of them alike. The first
round fills caches and is not counted. CPU is the processor time of the whole process group. The last rows are
requests to a process that is ready: they count from there.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.benchmarks import processes
from scripts.benchmarks.issuer import served
from scripts.benchmarks.processes import PROJECT, RUNNER, Answer
from scripts.local.issuer import AUDIENCE, ISSUER
from scripts.local.manifests import load
from scripts.local.model import Service
from scripts.local.postgres import EmbeddedPostgres

LIVE_GOAL, READY_GOAL, DATABASE_GOAL = 1.5, 1.9, 1.9  # times hello, median wall time
LOADED_GOAL = 0.25  # the same, of a request alone
LOADED_SECONDS = 0.5  # after readiness, when what is loaded in the background should be there
LEAST_ROUNDS = 10
HELLO = "hello (functions-framework)"
READY, LIVE = "/health/readiness", "/health/liveness"
_WRITE = (
    '{"title": "Water the plants", "due": "2030-03-31T09:00:00+02:00", "recurrence": {"rrule": "FREQ=DAILY"}}'
)


@dataclass(frozen=True)
class Subject:
    """One kind of start; `goal` is its largest ratio to hello, None for no goal.

    `after`: seconds from readiness to the request, which is then measured alone; a `body` makes it a write.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    path: str
    goal: float | None
    token: str | None = None
    after: float | None = None
    body: str | None = None


@dataclass
class Samples:
    """Milliseconds, one of each a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench cold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS}")
    rounds = max(LEAST_ROUNDS, parser.parse_args(arguments).rounds)
    with tempfile.TemporaryDirectory(prefix="taskflow-cold-") as name, subjects(Path(name)) as found:
        samples = {subject.name: Samples() for subject in found}
        for number in range(rounds + 1):
            for subject in rotated(found, number):
                wall, cpu = measure(subject, Path(name) / "log")
                if number:
                    samples[subject.name].wall.append(wall)
                    samples[subject.name].cpu.append(cpu)
    return _report(found, samples)


@contextlib.contextmanager
def subjects(directory: Path) -> Iterator[list[Subject]]:
    """Everything that is started; with its own database while the block runs."""
    services = load(PROJECT).services
    postgres = EmbeddedPostgres(directory / "postgres", durable=False)
    dsns = postgres.start()
    try:
        with served(directory) as (issuer, jwks):
            found = [_hello(), *(_probed(s, "live", LIVE, LIVE_GOAL) for s in services.values())]
            found += [_probed(s, "ready", READY, READY_GOAL) for s in services.values()]
            env = processes.environment(
                services["tasks"],
                DATABASE_URL=dsns["api"],
                AUTH_ISSUER=ISSUER,
                AUTH_AUDIENCE=AUDIENCE,
                AUTH_JWKS_URL=jwks,
                KAFKA_BOOTSTRAP_SERVERS="http://127.0.0.1:9",  # nothing there: what is published waits
            )
            token = issuer.token("bench")
            path = _created(env, token, directory / "log")
            read = Subject("tasks: GET /v1/tasks/{id}", RUNNER, env, path, DATABASE_GOAL, token)
            yield [*found, read, *_first_requests(read)]
    finally:
        postgres.destroy()


def _hello() -> Subject:
    script = str(Path(sys.executable).with_name("functions-framework"))
    source = str(Path(__file__).with_name("hello.py"))
    command = (script, "--target", "hello", "--source", source, "--host", "127.0.0.1")
    env = {k: v for k, v in processes.inherited().items() if not k.startswith("FUNCTION_")}
    return Subject(HELLO, command, env, "/", None)


def _probed(service: Service, word: str, path: str, goal: float) -> Subject:
    return Subject(f"{service.name}: {word}", RUNNER, processes.environment(service), path, goal)


def _first_requests(read: Subject) -> list[Subject]:
    write = replace(read, path="/v1/tasks", body=_WRITE)
    return [
        replace(read, name="tasks: read once ready", after=0.0, goal=None),
        replace(read, name=f"tasks: read {LOADED_SECONDS} s later", after=LOADED_SECONDS, goal=LOADED_GOAL),
        replace(write, name="tasks: write once ready", after=0.0, goal=None),
        replace(write, name=f"tasks: write {LOADED_SECONDS} s later", after=LOADED_SECONDS, goal=LOADED_GOAL),
    ]


def _created(env: Mapping[str, str], token: str, log: Path) -> str:
    """The path of a task that exists."""
    port = processes.free_port()
    with processes.started(RUNNER, {**env, "PORT": str(port)}, log) as process:
        processes.first_answer(process, port, LIVE, log=log)
        answer = processes.ask(port, "POST", "/v1/tasks", token=token, body='{"title": "Wake up"}')
        _expect(answer, log)
    return answer.headers["Location"]


def measure(subject: Subject, log: Path) -> tuple[float, float]:
    """Milliseconds until the answer, and of processor time until then."""
    port, spent = processes.free_port(), 0.0
    began = time.perf_counter()
    with processes.started(subject.command, {**subject.env, "PORT": str(port)}, log) as process:
        if subject.after is None:
            answer = processes.first_answer(process, port, subject.path, log=log, token=subject.token)
        else:
            processes.first_answer(process, port, READY, log=log)
            time.sleep(subject.after)
            began, spent = time.perf_counter(), processes.cpu_ms(process.pid)
            method = "GET" if subject.body is None else "POST"
            answer = processes.ask(port, method, subject.path, token=subject.token, body=subject.body)
        wall = (time.perf_counter() - began) * 1000
        cpu = processes.cpu_ms(process.pid) - spent
    _expect(answer, log)
    return wall, cpu


def _expect(answer: Answer, log: Path) -> None:
    if answer.status not in (200, 201, 204):
        raise RuntimeError(f"answered {answer.status} {answer.body.decode()}:\n{log.read_text()}")


def rotated(subjects: Sequence[Subject], number: int) -> list[Subject]:
    """Another order in every round, so that none always runs after the same other one."""
    at = number % len(subjects)
    return [*subjects[at:], *subjects[:at]]


def _report(subjects: Sequence[Subject], samples: Mapping[str, Samples]) -> int:
    hello = samples[HELLO]
    print(f"{'start to first answer':<30}{'ms':>8}{'x hello':>9}{'CPU ms':>9}{'x hello':>9}{'goal':>8}")
    missed = 0
    for subject in subjects:
        found = samples[subject.name]
        ratio, cpu_ratio = _ratio(found.wall, hello.wall), _ratio(found.cpu, hello.cpu)
        late = subject.goal is not None and ratio > subject.goal
        missed += late
        goal = "" if subject.goal is None else f"<= {subject.goal}"
        wall, cpu = statistics.median(found.wall), statistics.median(found.cpu)
        line = f"{subject.name:<30}{wall:8.0f}{ratio:9.2f}{cpu:9.0f}{cpu_ratio:9.2f}{goal:>8}"
        print(line + (" MISSED" if late else ""))
    print(f"medians of {len(hello.wall)} interleaved rounds, {missed} goals missed")
    return int(missed > 0)


def _ratio(found: Sequence[float], hello: Sequence[float]) -> float:
    """The median of the ratios within each round, because all subjects of a round had the same load."""
    return statistics.median(one / other for one, other in zip(found, hello, strict=True))
