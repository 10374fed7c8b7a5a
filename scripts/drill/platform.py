"""The platform of a drill: `scripts/run` in a process of its own, spoken to as a client does."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from scripts.local.issuer import issuer
from scripts.local.state import PROJECT

PATIENCE = 120.0  # seconds until something that must happen counts as missing
T = TypeVar("T")


class DrillFailed(AssertionError):
    """A promise of a restore was not kept."""


def eventually(probe: Callable[[], T], what: str) -> T:
    """The first truthy answer of `probe`."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := probe():
            return found
        time.sleep(0.2)
    raise DrillFailed(f"not within {PATIENCE:.0f} s: {what}")


class DrillPlatform:
    """`with DrillPlatform(home, port):` runs it; the state directory outlives the process."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self._url, self._status = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 2}"
        command = [sys.executable, "scripts/run", "--port", str(port), "--data", str(home)]
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        log = (self.home.parent / "platform.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command, cwd=PROJECT, env=dict(os.environ), stdout=log, stderr=log
            )
        try:
            eventually(self._is_up, "the platform is ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise DrillFailed((self.home.parent / "platform.log").read_text()[-2000:])
        try:
            return self.call("GET", "/health/readiness")[0] < 300
        except OSError:
            return False

    def call(
        self, method: str, path: str, body: Any = None, *, user: str = "", headers: Mapping[str, str] = {}
    ) -> tuple[int, Any]:
        """(status, JSON) of one request as `user`; the body of a stream is its first event."""
        sent = dict(headers) | ({"Authorization": f"Bearer {issuer(self.home).token(user)}"} if user else {})
        data = None if body is None else json.dumps(body).encode()
        host = self._status if path.startswith(("/status", "/topics", "/tick")) else self._url
        request = urllib.request.Request(host + path, data, sent, method=method)  # noqa: S310  # loopback
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310  # loopback
                if answer.headers.get_content_type() == "text/event-stream":
                    return answer.status, _first_event(answer)
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read()[:500]

    def must(self, method: str, path: str, body: Any = None, *, user: str) -> Any:
        """The JSON of a request that succeeds; one that finds its function starting is repeated."""

        def succeeded() -> tuple[int, Any] | None:
            status, found = self.call(method, path, body, user=user)
            if status not in range(200, 300) and status not in {409, 429, 503}:
                raise DrillFailed(f"{method} {path}: {status} {found!r}")
            return (status, found) if status < 300 else None

        found = eventually(succeeded, f"{method} {path}")
        return found[1] if found else None

    def settled(self) -> bool:
        """Whether everything published has been delivered."""
        status = self.call("GET", "/status.json")[1]
        return all(feed["lag"] == 0 for kind in ("sources", "triggers") for feed in status[kind].values())

    def records(self, topic: str) -> list[str]:
        """The event ids in the log of `topic`, each as often as it was published."""
        ends = self.call("GET", "/status.json")[1]["topics"][topic]["ends"]
        found = []
        for partition, end in enumerate(ends):
            for offset in range(0, end, 500):
                page = f"/topics/{topic}?partition={partition}&offset={offset}&limit=500"
                found += [one["event"]["id"] for one in self.call("GET", page)[1]["records"]]
        return found


def _first_event(answer: Any) -> dict[str, str]:  # HTTPResponse
    """The fields of the first event of a stream; comments are passed over."""
    fields: dict[str, str] = {}
    for line in answer:
        name, _, value = line.decode().strip().partition(":")
        if name:
            fields[name] = value.strip()
        elif "event" in fields:
            return fields
    return fields
