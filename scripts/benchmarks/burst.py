"""`scripts/bench burst`: how slow `tasks` becomes while the functions that have a tick start: all of them in
the same moment, against one after the other, against nothing that starts.

One process of `tasks` answers reads without a pause, one at a time, until the others are ready.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from scripts.benchmarks import cold, processes
from scripts.benchmarks.cold import Subject
from scripts.benchmarks.processes import PROJECT
from scripts.local.manifests import load

LEAST_ROUNDS = 10
QUIET_SECONDS = 1.0
READ = "tasks: GET /v1/tasks/{id}"
KINDS = ("nothing starts", "one after the other", "all at once")


@dataclass(frozen=True)
class Reads:
    """Milliseconds of the reads of one phase."""

    median: float
    slowest: float


def main(arguments: Sequence[str]) -> int:
    """Has no goal: it shows what the seconds of the ticks are for."""
    parser = argparse.ArgumentParser(prog="scripts/bench burst", description=__doc__)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS}")
    rounds = max(LEAST_ROUNDS, parser.parse_args(arguments).rounds)
    found: dict[str, list[Reads]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory(prefix="taskflow-burst-") as name, cold.subjects(Path(name)) as subjects:
        known = {subject.name: subject for subject in subjects}
        starts = [known[f"{tick.sink.name}: ready"] for tick in load(PROJECT).ticks.values()]
        read, log = known[READ], Path(name) / "log"
        port = processes.free_port()
        with processes.started(read.command, {**read.env, "PORT": str(port)}, log) as process:
            processes.first_answer(process, port, read.path, log=log, token=read.token)
            for number in range(rounds + 1):
                for kind in KINDS:
                    reads = _phase(read, port, starts, kind, Path(name))
                    if number:
                        found[kind].append(reads)
    _report(found, [start.name for start in starts])
    return 0


def _phase(read: Subject, port: int, starts: Sequence[Subject], kind: str, directory: Path) -> Reads:
    over, times = threading.Event(), list[float]()
    reader = threading.Thread(target=_read, args=(read, port, over, times))
    reader.start()
    try:
        if kind == "nothing starts":
            time.sleep(QUIET_SECONDS)
        else:
            with ThreadPoolExecutor(len(starts) if kind == "all at once" else 1) as pool:
                logs = [directory / f"log-{number}" for number in range(len(starts))]
                list(pool.map(cold.measure, starts, logs))
    finally:
        over.set()
        reader.join()
    return Reads(statistics.median(times), max(times))


def _read(read: Subject, port: int, over: threading.Event, times: list[float]) -> None:
    while not over.is_set():
        began = time.perf_counter()
        answer = processes.ask(port, "GET", read.path, token=read.token)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status == HTTPStatus.OK, answer


def _report(found: dict[str, list[Reads]], names: Sequence[str]) -> None:
    print(f"{'reads of `tasks` while':<28}{'median ms':>11}{'slowest ms':>12}{'worst round':>13}")
    for kind, reads in found.items():
        middle, slowest = (statistics.median(one) for one in _columns(reads))
        print(f"{kind:<28}{middle:11.1f}{slowest:12.1f}{max(r.slowest for r in reads):13.1f}")
    print(f"medians of {len(found[KINDS[0]])} rounds; what starts: {', '.join(names)}")


def _columns(reads: Sequence[Reads]) -> tuple[list[float], list[float]]:
    return [one.median for one in reads], [one.slowest for one in reads]
