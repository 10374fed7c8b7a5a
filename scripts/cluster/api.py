"""The task API through the cluster's gateway, as a user sees it; for the smoke test and for e2e-cluster."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
_LONGEST = 75.0  # a cold start on a slow node, image pull included


class Unexpected(Exception):
    """An answer or a state that should not be; the message quotes it."""


@dataclass(frozen=True)
class Answer:
    """`seconds`: from the first byte of the request to the last of the response."""

    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:  # Any: whatever the API answers
        return json.loads(self.body)


@dataclass(frozen=True)
class Door:
    """A Service behind the gateway: the gateway's address and the Service's public host."""

    gateway: str
    host: str
    token: str = ""

    def request(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own; OSError when nobody answers."""
        sent = {
            "Host": self.host,
            **({"Content-Type": "application/json"} if body is not None else {}),
            **(headers or {}),
        }
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        connection = self.connection()
        began = time.monotonic()
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            return Answer(response.status, response.read(), time.monotonic() - began)
        except http.client.HTTPException as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPConnection:
        """A fresh connection to the gateway."""
        parts = urlsplit(self.gateway)
        return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_LONGEST)

    def expect(self, status: int, method: str, path: str, body: object = None) -> Any:  # Any: as Answer.json
        """The JSON of an answer that must have this status."""
        answer = self.request(method, path, body)
        if answer.status != status:
            said = answer.body[:200].decode(errors="replace")
            raise Unexpected(f"{method} {path} answered {answer.status}, not {status}: {said}")
        return answer.json() if answer.body else None


def eventually(what: str, look: Callable[[], T | None], *, seconds: float = 60, pause: float = 0.2) -> T:
    """The first true result; Unexpected after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Unexpected(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
