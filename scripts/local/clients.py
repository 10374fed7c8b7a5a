"""What the command line tools share: finding a running platform and talking to it."""

import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from scripts.local.state import State, home


class ToolError(Exception):
    """One line for the user: what went wrong and what to do."""


def urls() -> dict[str, str]:
    """`gateway`, `inner` and `status`: as announced in TASKFLOW_HOME, else from TASKFLOW_URL."""
    given = os.environ.get("TASKFLOW_URL")
    announced = State(home()).running().get("urls")
    if announced and (given is None or announced["gateway"] == given.rstrip("/")):
        return dict(announced)
    gateway = (given or "http://127.0.0.1:8080").rstrip("/")
    parts = urlsplit(gateway)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    return {"gateway": gateway, "inner": f"http://{host}:{port + 1}", "status": f"http://{host}:{port + 2}"}


def send(
    url: str, *, method: str = "POST", body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower-case names) and body, also for errors; ToolError if nobody answers."""
    request = urllib.request.Request(  # noqa: S310  # urls() makes http ones
        url, data=body if method == "POST" else None, headers=headers or {}, method=method
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy
    try:
        with opener.open(request, timeout=60) as response:
            return response.status, _lower(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, _lower(error.headers), error.read()
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ToolError(
            f"no platform answers at {url} ({reason}); start scripts/run, or set TASKFLOW_HOME or "
            "TASKFLOW_URL to the one that runs"
        ) from None


def get_json(url: str) -> Any:
    """The JSON of a GET; ToolError with the answer otherwise."""
    status, _, body = send(url, method="GET")
    if status != 200:
        raise ToolError(f"{url} answered {status}: {body.decode(errors='replace').strip()}")
    return json.loads(body)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
