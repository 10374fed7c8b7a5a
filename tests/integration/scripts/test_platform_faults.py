"""The local platform when what it stands on fails: a full disk, a killed PostgreSQL, a function not ready."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.integration.scripts.platform_under_test import PROBE, Manifests, platform, wait_for


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "taskflow-test", str(mounted)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return ballast


def test_a_full_disk_loses_nothing_and_stops_nothing_for_good(tmp_path, small_disk):
    manifests = Manifests(tmp_path / "manifests")
    manifests.service("web")
    manifests.source("jobs", "jobs", "web")
    with platform(manifests, small_disk / "home") as running:
        running.publish("jobs", "before")
        wait_for(lambda: manifests.ids() == ["before"])
        running.publish("jobs", "bad", "after it", data={"status": 422, "sleep": 1})
        ballast = fill(small_disk)
        status, _, body = running.request(
            f"{running.url(1)}/records",
            method="POST",
            data=b'{"records": [{"topic": "jobs", "key": "k", "value": "%s"}]}' % (b"QUFB" * 1000),
        )
        assert status == 503, body
        # The dead letter finds no room, and the offset cannot be saved; both wait.
        wait_for(lambda: "waits for jobs-dlq" in str(running.row("sources", "jobs")["last_error"]))
        ballast.unlink()
        wait_for(lambda: running.row("sources", "jobs")["counts"]["dead_lettered"] == 2)
        assert [r["event"]["id"] for r in running.records("jobs-dlq")] == ["bad", "after it"]
        running.publish("jobs", "later")
        wait_for(lambda: manifests.ids()[-1] == "later")
        assert running.status()["lost_events"] == 0


def test_a_killed_postgresql_comes_back_and_is_shown(tmp_path):
    manifests = Manifests(tmp_path / "manifests")
    manifests.service("web")
    text = (manifests.root / "knative/web.yaml").read_text()
    secret = "{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: taskflow-database, key: api}}}"
    wanted = f"env:\n            - {secret}"
    (manifests.root / "knative/web.yaml").write_text(text.replace("env:", wanted))
    with platform(manifests, tmp_path / "home") as running:
        assert running.row("database", "postgresql")["state"] == "ready"
        url = running.request(f"{running.url()}/")[2].decode()
        assert "postgresql://api:" in url
        os.kill(postmaster(running.process.pid), signal.SIGKILL)
        wait_for(lambda: running.row("database", "postgresql")["restarts"] == 1)
        assert running.row("database", "postgresql")["state"] == "ready"
        assert "started again" in running.output.read_text()
        assert postmaster(running.process.pid)
        assert running.stop() == 0


def postmaster(platform_pid: int) -> int:
    (found,) = [c for c in psutil.Process(platform_pid).children() if c.name().startswith("postgres")]
    return found.pid


UNREADY = """
import os, flask, functions_framework
@functions_framework.http
def probe(request):
    if request.path.startswith("/health/readiness"):
        return ("", 503) if os.path.exists(os.environ["PROBE_RECORD"] + ".unready") else ("", 204)
    return "served"
"""


def test_a_function_that_is_not_ready_is_shown_and_gets_nothing(tmp_path):
    manifests = Manifests(tmp_path / "manifests")
    manifests.service("web")
    source = tmp_path / "unready.py"
    source.write_text(UNREADY)
    path = manifests.root / "knative/web.yaml"
    path.write_text(path.read_text().replace(str(PROBE), str(source)))
    switch = Path(f"{manifests.record}.unready")
    with platform(manifests, tmp_path / "home") as running:
        assert running.request(f"{running.url()}/")[2] == b"served"
        switch.touch()
        wait_for(lambda: running.row("services", "web")["state"] == "not ready")
        assert "readiness" in running.row("services", "web")["last_error"]
        status, headers, body = running.request(f"{running.url()}/")
        assert (status, headers["content-type"]) == (503, "application/problem+json"), body
        assert b'"not_ready"' in body
        switch.unlink()
        wait_for(lambda: running.row("services", "web")["state"] == "ready")
        assert running.request(f"{running.url()}/")[2] == b"served"
