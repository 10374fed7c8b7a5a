"""Real function processes, under our runner and under plain functions-framework."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.testing.ports import reserve

FUNCTIONS = Path(__file__).parent / "functions"
SERVE = (sys.executable, "-m", "shared.runtime.serve")
FRAMEWORK = (sys.executable, "-m", "functions_framework")


@dataclass
class Process:
    """One function process on loopback."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> "tuple[int, http.client.HTTPMessage, bytes]":
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def terminate(self, timeout: float = 40) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines()]


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start("hello")`: a process of tests' functions/hello.py that answers; killed after the test."""
    running: list[Process] = []

    def run(target: str, *, command: tuple[str, ...] = SERVE, wait: bool = True, **env: str) -> Process:
        port = reserve()
        log = tmp_path / f"{target}-{len(running)}.log"
        settings = {
            "FUNCTION_SOURCE": str(FUNCTIONS / f"{target}.py"),
            "FUNCTION_TARGET": target,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "THREADS": "8",
            "DRAIN_SECONDS": "1",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={**os.environ, **settings, **env},
                stdout=output,
                stderr=output,
                start_new_session=True,  # gunicorn's workers outlive an arbiter that is killed
            )
        found = Process(process, port, log)
        running.append(found)
        if wait:
            _until_answering(found)
        return found

    yield run
    for each in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait()


def _until_answering(process: Process) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            process.request("GET", "/health/liveness")
        except OSError:
            assert process.process.poll() is None, process.log.read_text()
            assert time.monotonic() < deadline, process.log.read_text()
            time.sleep(0.02)
        else:
            return
