"""A process publishes after its answers: in order, through kills and SIGTERM, and never in the way."""

import http.server
import json
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.integration.shared.runtime.conftest import FRAMEWORK, SERVE


class RecordingLog:
    """Speaks the embedded log's protocol and keeps the ids it acknowledged; `hang` makes it silent."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.hang, self.hanging = threading.Event(), 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["records"]
                if outer.hang.is_set():
                    outer.hanging += 1
                    threading.Event().wait(20)
                outer.ids += [record["headers"]["ce_id"] for record in records]
                body = json.dumps({"results": [{}] * len(records)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def log() -> Iterator[RecordingLog]:
    found = RecordingLog()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def env(dsns, log) -> dict[str, str]:
    return {"DATABASE_URL": dsns["api"], "KAFKA_BOOTSTRAP_SERVERS": log.url, "DRAIN_SECONDS": "0.2"}


def _write(process, user_id: str) -> str:
    status, _, body = process.request("POST", f"/{user_id}")
    assert status == 200, body
    return json.loads(body)["id"]


def _until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("command", [SERVE, FRAMEWORK])
def test_what_was_answered_is_published_before_the_process_ends(start, env, log, user_id, command):
    process = start("writes", command=command, **env)
    written = [_write(process, user_id) for _ in range(30)]
    assert process.terminate() == 0
    assert log.ids == written


def test_a_silent_log_is_not_felt_by_requests(start, env, log, user_id, dsns):
    process = start("writes", **env)
    log.hang.set()
    _write(process, user_id)
    _until(lambda: log.hanging == 1)
    for _ in range(5):
        _write(process, user_id)
    assert log.hanging == 1  # all of them were answered during one publish that hangs
    assert process.terminate(timeout=20) == 0  # and the flush gives up in time


@pytest.mark.parametrize(("point", "published"), [("before", 0), ("after_ack", 1)])
def test_a_publisher_killed_at_any_step_loses_nothing(
    start, env, log, user_id, dsns, tmp_path, point, published
):
    failpoint = {"FAILPOINTS": f"publish:{point}:{tmp_path / 'died'}"}
    first = start("writes", **env, **failpoint)
    written = [_write(first, user_id)]
    assert first.process.wait(20) == 137
    assert len(log.ids) == published
    second = start("writes", **env, **failpoint)
    written.append(_write(second, user_id))
    assert second.terminate() == 0
    assert list(dict.fromkeys(log.ids)) == written  # maybe twice, with the same id; never out of order
    name = psycopg.conninfo.conninfo_to_dict(dsns["owner"])["dbname"]
    with psycopg.connect(dsns["admin"], dbname=name) as owner:
        query = "select count(*) from outbox where user_id = %s and published_at is null"
        assert owner.execute(query, (user_id,)).fetchone() == (0,)
