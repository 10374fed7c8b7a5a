"""scripts/backup: a dump with retention and a copy outside, and what it refuses."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.database.backup import expired
from scripts.database.upload import UploadFailed, upload

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "backup"


def run(*arguments, **environment):
    environment |= {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bucket():
    """A place for PUTs: `.received` by path, answers `.status`."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):  # the name that http.server calls
            self.server.received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(self.server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.status = {}, 201
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dump_is_kept_sent_out_and_old_ones_go(dsns, tmp_path, bucket):
    names = [f"taskflow-2026010{day}T030000Z.dump" for day in range(1, 6)]
    for name in (*names, "taskflow-notes.txt", "mine.dump"):
        (tmp_path / name).touch()
    url = f"http://127.0.0.1:{bucket.server_port}/b/{{name}}?permit=x"
    done = run("dump", "--to", tmp_path, "--keep", 3, DATABASE_URL=dsns["owner"], BACKUP_UPLOAD_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    dump = Path(said["dump"])
    assert bucket.received == {f"/b/{dump.name}?permit=x": dump.read_bytes()}
    assert said["deleted"] == names[:3]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names[3:], dump.name, "taskflow-notes.txt", "mine.dump"}
    checked = run("check", dump)
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["rows"] == said["rows"]


def test_a_dump_that_cannot_be_sent_out_fails_and_deletes_nothing(dsns, tmp_path, bucket):
    bucket.status = 403
    (tmp_path / "taskflow-20260101T030000Z.dump").touch()
    url = f"http://127.0.0.1:{bucket.server_port}/secret-permit/{{name}}"
    done = run("dump", "--to", tmp_path, "--keep", 1, DATABASE_URL=dsns["owner"], BACKUP_UPLOAD_URL=url)
    assert done.returncode == 1
    assert "answered 403" in done.stderr
    assert "secret-permit" not in done.stderr + done.stdout
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://bucket.example/dump", "no {name}"),
        ("http://bucket.example/{name}", "must be https"),
        ("http://127.0.0.1:1/{name}", "was not uploaded"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(tmp_path, url, said):
    (tmp_path / "a.dump").write_bytes(b"x")
    with pytest.raises(UploadFailed, match=said):
        upload(tmp_path / "a.dump", url)


def test_all_are_kept_on_request(tmp_path):
    for day in range(1, 4):
        (tmp_path / f"taskflow-2026010{day}T030000Z.dump").touch()
    assert expired(tmp_path, 0) == []
    assert len(expired(tmp_path, 1)) == 2
    assert expired(tmp_path, 5) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("dump", "--to", "/nowhere"), {"DATABASE_URL": "x"}, "/nowhere is no directory"),
        (("dump", "--to", "."), {}, "DATABASE_URL is not set"),
        (("dump", "--to", ".", "--keep", "-1"), {}, "--keep"),
        (("dump", "--to", "."), {"DATABASE_URL": "postgresql://owner@127.0.0.1:1/x"}, "refused"),
        (("check", "/nowhere"), {}, "/nowhere is no whole dump"),
        (("restore", "/nowhere"), {"DATABASE_URL": "postgresql://owner@127.0.0.1:1/x"}, "no whole dump"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(arguments, environment, said):
    done = run(*arguments, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
