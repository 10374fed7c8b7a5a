"""The process of `tasks` while its database and its log accept connections and say nothing."""

import http.server
import json
import socket
import threading
import time
from pathlib import Path

import pytest

from shared.db import connection as connections
from shared.db import opening
from shared.domain.identity import uuid7
from shared.events.task import TaskCreated
from shared.messaging.encoding import to_http
from shared.runtime import clock, keys, lifecycle
from shared.runtime.consumer import HANDLER_SECONDS
from shared.runtime.http import REQUEST_SECONDS
from shared.runtime.sealing import Sealer
from shared.testing.deliveries import TICK, as_cloudevent
from shared.testing.jwt import AUDIENCE, ISSUER, TestIssuer
from tests.answers import TASKS
from tests.integration.wire import Wire, frozen

ROOT = Path(__file__).parents[4]
LONGEST = 5.0  # seconds to an answer, whatever has stopped
ROOM = 5.0  # for a machine that is busy


@pytest.fixture
def issuer():
    """(the issuer, the URL of its keys)"""
    found = TestIssuer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(found.jwks).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield found, f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.fixture
def tasks(start, wire, issuer):
    """The process; its log is a broker that is stopped: the kernel accepts for it, nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        yield start(
            "tasks",
            FUNCTION_SOURCE=str(ROOT / "functions/tasks/main.py"),
            DATABASE_URL=wire.dsn,
            KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{broker.getsockname()[1]}",
            AUTH_ISSUER=ISSUER,
            AUTH_AUDIENCE=AUDIENCE,
            AUTH_JWKS_URL=issuer[1],
            WEBHOOK_SECRET_KEY=Sealer.new_key(),
            DRAIN_SECONDS="0.2",
        )


@pytest.fixture
def ask(tasks, issuer, user_id):
    headers = {"Authorization": f"Bearer {issuer[0].token(user_id)}", "Content-Type": "application/json"}

    def send(method, path, body=None):
        started = time.monotonic()
        status, found, content = tasks.request(
            method, path, json.dumps(body).encode() if body else None, headers
        )
        seconds = time.monotonic() - started
        TASKS.check(method, path, status, found, content)
        return status, found, content, seconds

    return send


def test_the_bounds_add_up_to_five_seconds():
    beyond = opening.GRACE_SECONDS + connections.ENDING_SECONDS
    assert max(REQUEST_SECONDS, HANDLER_SECONDS) + beyond <= LONGEST
    assert keys.WAIT_SECONDS < REQUEST_SECONDS


@pytest.mark.parametrize("kind", ["stopped server", "silent wire"])
def test_requests_are_answered_503_and_served_again_afterwards(ask, server, wire, kind):
    assert ask("POST", "/v1/tasks", {"title": "before"})[0] == 201
    path = ask("GET", "/v1/tasks")[2]
    path = f"/v1/tasks/{json.loads(path)['items'][0]['id']}"
    requests = [
        ("GET", path, None),
        ("POST", "/v1/tasks", {"title": "meanwhile"}),
        ("PATCH", path, {"title": "x"}),
        ("GET", "/v1/tasks", None),
    ]
    if kind == "stopped server":
        with frozen(server):
            answers = _together(ask, requests * 10)
    else:
        wire.cut()
        answers = _together(ask, requests * 10)
        wire.mend()
    for status, headers, content, seconds in answers:
        problem = json.loads(content)
        assert (status, headers["Content-Type"]) == (503, "application/problem+json"), problem
        assert problem["code"] in ("database_unavailable", "deadline_exceeded")
        assert headers["Retry-After"]
        assert seconds < LONGEST + ROOM  # although some have waited for a thread
    end = time.monotonic() + 20
    while (status := ask("GET", path)[0]) != 200:
        assert time.monotonic() < end, status
    assert ask("PATCH", path, {"title": "after"})[0] == 200


@pytest.mark.parametrize("name", ["audit", "reminders"])
def test_events_and_ticks_are_refused_for_the_moment(start, server, name):
    """A tick has 45 s, but what it waits for in vain is a transaction, not all of its work."""
    wire = Wire(server._dsn({"audit": "consumer", "reminders": "ticker"}[name], "taskflow"))
    event = TICK if name == "reminders" else as_cloudevent(_created())
    headers, body = to_http(event)
    try:
        process = start(
            name,
            FUNCTION_SOURCE=str(ROOT / f"functions/{name}/main.py"),
            DATABASE_URL=wire.dsn,
            KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        )
        assert process.request("POST", "/", body, headers)[0] == 204  # connected
        wire.cut()
        headers, body = to_http(event if name == "reminders" else as_cloudevent(_created()))
        started = time.monotonic()
        status, found, content = process.request("POST", "/", body, headers)
        assert time.monotonic() - started < LONGEST + ROOM
        assert (status, found["Kne-Errorclass"]) == (503, "transient"), content
        wire.mend()
        end = time.monotonic() + 20
        while process.request("POST", "/", body, headers)[0] != 204:
            assert time.monotonic() < end
    finally:
        wire.close()


def _created():
    now = clock.now()
    return TaskCreated(
        event_id=uuid7(now), user_id="u", task_id=uuid7(now), task_version=1, occurred_at=now,
        actor={"kind": "user", "id": "u"}, request_id="r",
    )  # fmt: skip


def test_a_process_stops_while_database_and_broker_are_silent(tasks, ask, wire):
    assert ask("POST", "/v1/tasks", {"title": "before"})[0] == 201
    wire.cut()
    assert ask("GET", "/v1/tasks")[0] == 503
    started = time.monotonic()
    assert tasks.terminate() == 0
    assert time.monotonic() - started < lifecycle.FLUSH_SECONDS + ROOM


def _together(ask, requests):
    answers = []
    threads = [threading.Thread(target=lambda one=one: answers.append(ask(*one))) for one in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(requests)
    return answers
