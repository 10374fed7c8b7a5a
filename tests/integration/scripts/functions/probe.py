"""The function of the platform's tests: records what it receives and answers as the event's data says."""

import json
import os
import time
from pathlib import Path
from typing import Any

import flask
import functions_framework

_seen: dict[str, int] = {}


@functions_framework.http
def probe(request: flask.Request) -> Any:
    if request.path.startswith("/health/"):
        return "", 204
    if request.path == "/stream":
        return flask.Response(
            _stream(int(request.args["pieces"]), float(request.args["pause"])), mimetype="text/event-stream"
        )
    body = request.get_data()
    _record(request, body)
    if "ce-id" not in request.headers:
        time.sleep(float(request.args.get("sleep", "0")))
        if "exit" in request.args:
            os._exit(3)
        return {
            "pid": os.getpid(),
            "method": request.method,
            "path": request.full_path,
            "body": body.decode("latin-1"),
            "headers": dict(request.headers),
            "env": dict(os.environ),
        }
    return _answer(request.headers["ce-id"], json.loads(body) if body else {})


def _answer(event: str, wish: dict[str, Any]) -> Any:
    _seen[event] = _seen.get(event, 0) + 1
    time.sleep(wish.get("sleep", 0))
    if _seen[event] <= wish.get("fail_first", 0):
        return "not yet", 503
    return wish.get("body", ""), wish.get("status", 204), wish.get("headers", {})


def _record(request: flask.Request, body: bytes) -> None:
    path = os.environ.get("PROBE_RECORD")
    if path and "ce-id" in request.headers:
        line = {
            "at": time.time(),
            "path": request.path,
            "pid": os.getpid(),
            "body": body.decode(),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")


def _stream(pieces: int, pause: float) -> Any:
    for n in range(pieces):
        yield f"data: {n}\n\n"
        time.sleep(pause)
