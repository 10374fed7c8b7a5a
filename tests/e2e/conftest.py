"""The local platform as a user runs it: `scripts/run` in a process of its own, spoken to over HTTP."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
import requests

from shared.testing.ports import reserve
from tests.answers import TASKS, Document

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("tasks", "recurrence", "reminders", "notifications", "audit", "updates", "relay")
T = TypeVar("T")
PATIENCE = 60.0  # seconds until something that must happen counts as missing


def eventually(probe: Callable[[], T], *, what: str, patience: float = PATIENCE) -> T:
    """The first truthy answer of `probe`."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {patience} s: {what}")


def asked(
    method: str, url: str, *, document: Document = TASKS, stream: bool = False, **options: Any
) -> requests.Response:
    """The answer of a public function through the gateway, held against the function's document."""
    response = requests.request(method, url, timeout=90, stream=stream, **options)
    body = None if stream and response.ok else response.content
    path = urlsplit(url).path
    document.check_through_gateway(method, path, response.status_code, response.headers, body)
    return response


class Platform:
    """One running platform and its state directory."""

    def __init__(self, home: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.home, self.options = home, options
        self.port = reserve()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            **(env or {}),
            "TASKFLOW_HOME": str(home),
            "TASKFLOW_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Platform":
        command = [sys.executable, "scripts/run", "--port", str(self.port), *self.options]
        self.log = (self.home.parent / f"{self.home.name}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log)
        eventually(self._is_up, what="the platform is ready")
        return self

    def _is_up(self) -> bool:
        assert self.process
        assert self.process.poll() is None, Path(self.log.name).read_text()
        try:
            return requests.get(f"{self.url}/health/readiness", timeout=30).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.log.close()
        return code

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(30)
        self.log.close()

    def run(self, command: str, *arguments: str) -> str:
        """The output of one of the project's commands."""
        done = subprocess.run(
            [sys.executable, f"scripts/{command}", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = requests.get(
            f"http://127.0.0.1:{self.port + 2}/status.json", timeout=30
        ).json()
        return document

    def control(self, path: str) -> requests.Response:
        """A button of the status listener: /tick/<pingsource>, /scale-to-zero/<service>."""
        return requests.post(f"http://127.0.0.1:{self.port + 2}{path}", timeout=120)

    def settled(self) -> bool:
        """Whether everything published has been delivered."""
        status = self.status()
        return all(feed["lag"] == 0 for kind in ("sources", "triggers") for feed in status[kind].values())

    def all_to_zero(self) -> None:
        """Every function at zero, and nothing on its way that would wake one."""

        def quiet() -> bool:
            for name in FUNCTIONS:
                self.control(f"/scale-to-zero/{name}")
            states = {service["state"] for service in self.status()["services"].values()}
            return states == {"zero"} and self.settled()

        eventually(quiet, what="every function at zero")

    def user(self, name: str) -> "User":
        return User(self, name, self.run("token", name))


class User:
    """One user's view of the platform."""

    def __init__(self, platform: Platform, name: str, token: str) -> None:
        self.platform, self.name, self.token = platform, name, token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.token}"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return asked(method, self.platform.url + path, json=body, headers=sent)

    def create(self, **fields: Any) -> dict[str, Any]:
        response = self("POST", "/v1/tasks", {"title": "Water the plants"} | fields)
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json()
        return created

    def complete(self, task: Mapping[str, Any]) -> dict[str, Any]:
        response = self("POST", f"/v1/tasks/{task['id']}/complete")
        assert response.status_code == 200, response.text
        done: dict[str, Any] = response.json()
        return done

    def items(self, path: str) -> list[dict[str, Any]]:
        response = self("GET", path)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["items"]
        return found

    def open_tasks(self) -> list[dict[str, Any]]:
        return self.items("/v1/tasks?status=open&sort=due")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform that the tests share, each with users of its own."""
    running = Platform(tmp_path_factory.mktemp("platform") / "home").start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """`own_platform(*options, env=…)`: a platform that one test may break."""
    made: list[Platform] = []

    def make(*options: str, env: Mapping[str, str] | None = None) -> Platform:
        made.append(Platform(tmp_path / f"home-{len(made)}", *options, env=env))
        return made[-1].start()

    yield make
    for one in made:
        if one.process and one.process.poll() is None:
            one.stop()


class Receiver:
    """A webhook endpoint on loopback that remembers what it was sent and answers `statuses` in turn."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
