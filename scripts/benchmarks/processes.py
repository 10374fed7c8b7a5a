"""Starts one function's process with the environment of its manifest, for benchmarks and process tests."""

import base64
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from scripts.local.model import SecretRef, Service

PROJECT = Path(__file__).resolve().parents[2]
RUNNER = (sys.executable, "-m", "shared.runtime.serve")
START_SECONDS = 30.0
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
_SECRETS = {
    "taskflow-database": "postgresql://nobody:nothing@127.0.0.1:9/nowhere",  # refused at once if it is used
    "taskflow-webhooks": base64.b64encode(bytes(32)).decode(),
}


@dataclass(frozen=True)
class Answer:
    """What a process answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def environment(service: Service, **changed: str) -> dict[str, str]:
    """The manifest's variables, with secrets that nothing listens to, and `changed`; none of our own."""
    given = {
        name: _SECRETS[value.name] if isinstance(value, SecretRef) else value for name, value in service.env
    }
    return {**inherited(), **given, "HOST": "127.0.0.1", "DRAIN_SECONDS": "0", **changed}


def inherited() -> dict[str, str]:
    """The variables of our own environment that a process needs, without settings and coverage."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def cpu_ms(group: int) -> float:
    """Time on a processor of all threads of a process group so far; NaN where there is no /proc."""
    if not Path("/proc/self/schedstat").exists():
        return float("nan")
    spent = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if os.getpgid(int(entry.name)) == group:
                spent += sum(int(t.read_text().split()[0]) for t in entry.glob("task/*/schedstat"))
    return spent / 1e6


def child_cpu_seconds(child: int) -> float:
    """Time on a processor of all children of the parent of the process `child`, those that ended included;
    NaN where there is no /proc.
    """
    if not Path("/proc/self/stat").exists():
        return float("nan")
    parent = _stat(child)[1]
    spent = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            fields = _stat(int(entry.name))
            if parent in (fields[1], entry.name):  # a child, or the parent with what it has reaped
                spent += sum(map(int, fields[11:13] if fields[1] == parent else fields[11:15]))
    return spent / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) from the third on: the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(command: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The process while the block runs; killed afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=dict(env), stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def first_answer(
    process: "subprocess.Popen[bytes]", port: int, path: str, *, log: Path, token: str | None = None
) -> Answer:
    """The answer to the first GET that is not refused, nor answered 503, asked for every millisecond."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the process ended with code {process.returncode}:\n{log.read_text()}")
        with contextlib.suppress(ConnectionRefusedError):
            answer = ask(port, "GET", path, token=token)
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:  # a readiness probe before the wiring stands
                return answer
        time.sleep(0.001)
    raise RuntimeError(f"no answer to {path} within {START_SECONDS:.0f} s:\n{log.read_text()}")


def ask(port: int, method: str, path: str, *, token: str | None = None, body: str | None = None) -> Answer:
    """One request on a connection of its own."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.read(), dict(response.getheaders()))
    finally:
        connection.close()
