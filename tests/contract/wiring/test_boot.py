"""Every function boots in a process of its own, under our runner and under plain functions-framework."""

import base64
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.local.model import SecretRef
from shared.testing.ports import reserve

PROJECT = Path(__file__).resolve().parents[3]
NAMES = sorted(path.parent.name for path in PROJECT.glob("functions/*/main.py"))
SERVERS = {
    "serve": [sys.executable, "-m", "shared.runtime.serve"],
    "functions-framework": [sys.executable, "-m", "functions_framework"],
}
STREAMS = {"updates"}  # functions-framework serves these with --asgi
BOOT_SECONDS = 30
DUMMIES = {
    "taskflow-database": "postgresql://nobody:nothing@127.0.0.1:9/nowhere",
    "taskflow-webhooks": base64.b64encode(bytes(32)).decode(),
}


def environment(wired, name: str, port: int) -> dict[str, str]:
    given = {
        key: DUMMIES[value.name] if isinstance(value, SecretRef) else value
        for key, value in wired.services[name].env
    }
    base = {
        k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR") or k.startswith("COVERAGE")
    }
    return {**base, **given, "HOST": "127.0.0.1", "PORT": str(port), "DRAIN_SECONDS": "0"}


@contextmanager
def process(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        started = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def first_answer(url: str, running: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        assert running.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"no answer within {BOOT_SECONDS} s:\n{log.read_text()}")


def until_ready(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    """503 as a problem while the wiring is built, then 204."""
    deadline = time.monotonic() + BOOT_SECONDS
    while (status := first_answer(f"http://127.0.0.1:{port}/health/readiness", running, log)) != 204:
        assert status == 503, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", NAMES)
def test_it_boots_answers_and_stops(wired, tmp_path, name, server):
    port, log = reserve(), tmp_path / "log"
    command = SERVERS[server] + (["--asgi"] if server != "serve" and name in STREAMS else [])
    with process(command, environment(wired, name, port), log) as running:
        status = first_answer(f"http://127.0.0.1:{port}/health/liveness", running, log)
        assert status == 204, log.read_text()
        until_ready(port, running, log)
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=BOOT_SECONDS) == 0, log.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_without_its_environment_it_dies_naming_every_variable(settings_of, name):
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
    env |= {"FUNCTION_SOURCE": f"functions/{name}/main.py", "FUNCTION_TARGET": name, "PORT": "0"}
    done = subprocess.run(
        SERVERS["serve"],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=BOOT_SECONDS,
        check=False,
    )
    missing = set(re.findall(r"^\s*([A-Z_]+): missing", done.stderr, re.MULTILINE))

    assert done.returncode != 0
    assert {v for v, f in settings_of[name].items() if f.metadata.get("secret")} <= missing
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_with_unusable_values_it_dies_naming_every_variable(settings_of, name):
    """Not one setting is found out at the first request; the runner's own are named in the same breath."""
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
    env |= {"FUNCTION_SOURCE": f"functions/{name}/main.py", "FUNCTION_TARGET": name}
    wrong = {*settings_of[name], "PORT", "THREADS", "DRAIN_SECONDS", "LOG_LEVEL"}
    done = subprocess.run(
        SERVERS["serve"],
        cwd=PROJECT,
        env=env | dict.fromkeys(wrong, "no such value"),
        capture_output=True,
        text=True,
        timeout=BOOT_SECONDS,
        check=False,
    )

    assert done.returncode != 0
    assert set(re.findall(r"^\s*([A-Z_]+): must ", done.stderr, re.MULTILINE)) == wrong
    assert "no such value" not in done.stderr
    assert "Traceback" not in done.stderr
