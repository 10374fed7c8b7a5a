"""Each function as the process that is deployed, under our runner and under plain functions-framework."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.messaging.encoding import to_http
from shared.runtime.sealing import Sealer
from shared.testing.deliveries import TICK, as_cloudevent
from shared.testing.ports import reserve

ROOT = Path(__file__).parents[3]
RUNNERS = {"serve": ("-m", "shared.runtime.serve"), "framework": ("-m", "functions_framework")}
ROLES = {
    "audit": "consumer",
    "reminders": "ticker",
    "notifications": "consumer",
    "relay": "relay",
    "updates": "api",
}
EAGER = ("sqlalchemy", "alembic", "pydantic", "kafka", "requests", "cronsim", "dateutil", "prometheus_client")


@pytest.fixture
def log():
    """The embedded log's interface: (url, records)."""
    records = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["records"]
            results = [
                {"topic": r["topic"], "partition": 0, "offset": n} for n, r in enumerate(sent, len(records))
            ]
            records.extend(sent)
            body = json.dumps({"results": results}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", records
        server.shutdown()
        thread.join()


@pytest.fixture
def boot(dsns, log, tmp_path):
    """`boot("audit", "serve")`: the port of that function's process, once it answers."""
    running = []

    def start(name, runner, **more):
        port = reserve()
        env = {
            **os.environ,
            "FUNCTION_SOURCE": str(ROOT / "functions" / name / "main.py"),
            "FUNCTION_TARGET": name,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "THREADS": "4",
            "DRAIN_SECONDS": "0.2",
            "DATABASE_URL": dsns[ROLES[name]],
            "KAFKA_BOOTSTRAP_SERVERS": log[0],
            "WEBHOOK_SECRET_KEY": Sealer.new_key(),
            "AUTH_ISSUER": "https://auth.example",
            "AUTH_AUDIENCE": "https://todo.example",
            "AUTH_JWKS_URL": "https://auth.example/jwks",
            "HOME": str(tmp_path),
            **more,
        }
        output = (tmp_path / f"{name}-{runner}.log").open("wb")
        command = (sys.executable, "-X", "importtime", *RUNNERS[runner]) if runner == "serve" else (
            sys.executable, *RUNNERS[runner])  # fmt: skip
        process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
        running.append((process, output))
        wait(port, process, Path(output.name))
        return port, process, Path(output.name)

    yield start
    for process, output in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # gunicorn's workers too
        process.wait()
        output.close()


def wait(port, process, output):
    end = time.monotonic() + 30
    while True:
        try:
            if ask(port, "GET", "/health/readiness")[0] == 204:
                return
        except OSError:
            assert process.poll() is None, output.read_text()
        assert time.monotonic() < end, output.read_text()
        time.sleep(0.05)


def ask(port, method, path, *, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def send(port, event):
    headers, body = to_http(event)
    return ask(port, "POST", "/", headers=headers, body=body)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("name", ROLES)
def test_it_boots_answers_and_stops(boot, name, runner):
    port, process, output = boot(name, runner)
    assert ask(port, "GET", "/health/liveness")[0] == 204
    assert ask(port, "GET", "/nothing")[0] == 404
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in ((0,) if runner == "serve" else (0, -signal.SIGTERM)), output.read_text()
    if runner == "serve":
        check_imports(output)


@pytest.mark.parametrize("kept", [False, True])
def test_a_start_whose_bytecode_is_not_kept_says_so(boot, tmp_path, kept):
    _, process, output = boot(
        "audit",
        "serve",
        PYTHONPYCACHEPREFIX=str(tmp_path / "bytecode"),
        PYTHONDONTWRITEBYTECODE="" if kept else "1",
    )
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    said = [
        json.loads(line) for line in output.read_text().splitlines() if "started without compiled" in line
    ]
    assert [(line["level"], line["modules"]) for line in said] == (
        [] if kept else [("warning", ["json", "flask", "shared.runtime.lifecycle"])]
    )


def check_imports(output):
    """Nothing heavy before the first answer."""
    imported = {line.rpartition("|")[2].strip() for line in output.read_text().splitlines() if "|" in line}
    assert "functions_framework" in imported
    assert imported & set(EAGER) == set()


def test_a_missing_variable_is_named(dsns, tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    env |= {"FUNCTION_SOURCE": str(ROOT / "functions/relay/main.py"), "FUNCTION_TARGET": "relay"}
    command = (sys.executable, *RUNNERS["serve"])
    done = subprocess.run(command, check=False, env=env, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "DATABASE_URL" in done.stderr
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr


def test_a_due_reminder_reaches_the_log_from_a_cold_process(boot, log, rows, add_task, user_id, sim_clock):
    task = add_task(user_id)
    rows(
        "insert into reminders (user_id, id, task_id, remind_at, channels, state, created_at, updated_at)"
        " select user_id, gen_random_uuid(), id, created_at, '{in_app}', 'scheduled', created_at, created_at"
        " from tasks where user_id = %s",
        user_id,
    )
    rows("update outbox set published_at = occurred_at where user_id = %s", user_id)
    port, _, output = boot("reminders", "serve")
    assert send(port, TICK)[0] == 204
    end = time.monotonic() + 10
    while not (found := [r for r in log[1] if r["key"] == user_id]):
        assert time.monotonic() < end, output.read_text()
        time.sleep(0.05)
    assert [r["topic"] for r in found] == ["reminders"]
    assert found[0]["headers"]["ce_subject"] == str(task.id)


def test_the_relay_publishes_what_is_left(boot, log, add_task, user_id):
    add_task(user_id)
    port, _, output = boot("relay", "serve")
    assert send(port, TICK)[0] == 204, output.read_text()
    assert [r["topic"] for r in log[1] if r["key"] == user_id] == ["task-events", "task-updates"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_an_event_is_audited_by_a_real_process(boot, rows, task_event, user_id, runner):
    port, _, output = boot("audit", runner)
    event = as_cloudevent(task_event(user_id))
    assert [send(port, event)[0] for _ in range(2)] == [204, 204], output.read_text()
    assert rows("select seq from audit_entries where user_id = %s", user_id) == [(1,)]


def test_a_tick_and_an_event_at_notifications(boot, rows, task_event, user_id):
    port, _, output = boot("notifications", "serve")
    assert send(port, TICK)[0] == 204, output.read_text()
    assert send(port, as_cloudevent(task_event(user_id)))[0] == 204, output.read_text()
    assert rows("select consumer from inbox where user_id = %s", user_id) == [("notifications",)]
