"""`scripts/bench warm`: one task read by its id, through the gateway and at the function itself, each on a
fresh connection and on a kept one.

Every round asks all four once, each round in another order, with a pause after each request, so that none
waits for work that the server still does for the one before. A kept connection must be faster than a fresh
one. If it is slower, something waits for a delayed acknowledgement (Nagle's algorithm): 40 ms a request.
"""

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmarks.processes import PROJECT, START_SECONDS, ask

LEAST_ROUNDS = 800  # connecting is a few per cent of a request: fewer rounds are not exact enough
KEPT_GOAL = 1.0  # times fresh, median, at the gateway and the function: a kept one saves connecting
PAUSE_SECONDS = 0.005
GATEWAY, FUNCTION = "gateway", "function"


@dataclass
class Way:
    """One way to the same answer; `ask` sends one request and reads all of the answer."""

    name: str
    ask: Callable[[], None]
    ms: list[float] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench warm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS}")
    rounds = max(LEAST_ROUNDS, parser.parse_args(arguments).rounds)
    with tempfile.TemporaryDirectory(prefix="taskflow-warm-") as home, ExitStack() as stack:
        gateway, token = stack.enter_context(_platform(Path(home)))
        path = _created(gateway, token)
        ports = {GATEWAY: gateway, FUNCTION: _port_of(gateway, "tasks")}
        ways = [way for name, port in ports.items() for way in _ways(name, port, path, token, stack)]
        order, turns = list(ways), random.Random(1)
        for number in range(rounds + 20):
            turns.shuffle(order)
            for way in order:
                began = time.perf_counter()
                way.ask()
                if number >= 20:  # the first ones warm up
                    way.ms.append((time.perf_counter() - began) * 1000)
                time.sleep(PAUSE_SECONDS)
    return _report(ways)


def _ways(name: str, port: int, path: str, token: str, stack: ExitStack) -> list[Way]:
    headers = {"Authorization": f"Bearer {token}"}
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    stack.callback(kept.close)

    def again() -> None:
        _read(kept, path, headers)

    def fresh() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        _read(connection, path, headers)
        connection.close()

    return [Way(f"{name}, fresh connection", fresh), Way(f"{name}, kept connection", again)]


def _read(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> None:
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    response.read()
    if response.status != http.client.OK:
        raise RuntimeError(f"{path} answered {response.status}")


@contextmanager
def _platform(home: Path) -> Iterator[tuple[int, str]]:
    """A local platform of its own, and a token for it."""
    port = _three_ports()
    url = f"http://127.0.0.1:{port}"
    env = {**os.environ, "TASKFLOW_HOME": str(home), "TASKFLOW_URL": url}
    command = [sys.executable, "scripts/run", "--port", str(port), "--no-scale-to-zero"]
    process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith("ready in")), None)
        if said is None:
            raise RuntimeError("the platform did not start; run scripts/run to see why")
        made = subprocess.run(
            [sys.executable, "scripts/token", "bench"], cwd=PROJECT, env=env, check=True, capture_output=True
        )
        yield port, made.stdout.decode().strip()
    finally:
        process.terminate()
        process.wait()


def _created(port: int, token: str) -> str:
    answer = ask(port, "POST", "/v1/tasks", token=token, body='{"title": "Read me again"}')
    if answer.status != http.client.CREATED:
        raise RuntimeError(f"answered {answer.status} {answer.body.decode()}")
    return f"/v1/tasks/{json.loads(answer.body)['id']}"


def _port_of(gateway: int, service: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway + 2}/status.json") as response:  # ours
        status: dict[str, Any] = json.load(response)
    port: int = status["services"][service]["port"]
    return port


def _three_ports() -> int:
    for candidate in range(20_000 + os.getpid() % 20_000, 60_000, 3):
        try:
            for port in range(candidate, candidate + 3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return candidate
    raise RuntimeError("no three free ports in a row")


def _report(ways: Sequence[Way]) -> int:
    print(f"{'GET /v1/tasks/{id}':<30}{'p50 ms':>9}{'p99 ms':>9}{'x fresh':>9}{'goal':>9}")
    missed = 0
    for fresh, kept in zip(ways[::2], ways[1::2], strict=True):
        ratio = statistics.median(kept.ms) / statistics.median(fresh.ms)
        late = ratio > KEPT_GOAL
        missed += late
        print(f"{fresh.name:<30}{_percentile(fresh, 50):9.2f}{_percentile(fresh, 99):9.2f}")
        line = f"{kept.name:<30}{_percentile(kept, 50):9.2f}{_percentile(kept, 99):9.2f}{ratio:9.2f}"
        print(f"{line}{f'<= {KEPT_GOAL}':>9}" + (" MISSED" if late else ""))
    print(f"{len(ways[0].ms)} interleaved rounds, {missed} goals missed")
    return int(missed > 0)


def _percentile(way: Way, percent: int) -> float:
    return statistics.quantiles(way.ms, n=100)[percent - 1]
