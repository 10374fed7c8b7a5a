"""The state directory: leftovers of a killed platform, secrets, the lock."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.local.model import ManifestError, SecretRef
from scripts.local.state import InUse, State, home

KEY = SecretRef("taskflow-webhooks", "encryption-key")


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="start times come from /proc")
def test_a_leftover_is_ended_but_a_stranger_with_its_number_is_not(state, sleeper):
    state.remember_processes({"web/1": sleeper.pid})
    file = state.directory / "processes.json"
    remembered = json.loads(file.read_text())
    file.write_text(json.dumps({"web/1": [sleeper.pid, "1"]}))
    assert state.end_leftovers() == []
    assert sleeper.poll() is None
    file.write_text(json.dumps(remembered))
    assert state.end_leftovers() == ["web/1"]
    assert sleeper.wait(5) == -9


def test_a_secret_that_can_be_made_is_made_once_and_private(state):
    assert state.secret(KEY) == state.secret(KEY)
    path = state.directory / "secrets/taskflow-webhooks/encryption-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700


def test_any_other_secret_must_be_there(state):
    with pytest.raises(ManifestError, match="secrets/mine/key"):
        state.secret(SecretRef("mine", "key"))
    state.write_secret(SecretRef("mine", "key"), "hush")
    assert state.secret(SecretRef("mine", "key")) == "hush"


@pytest.mark.parametrize("ref", [SecretRef("..", "key"), SecretRef("a/b", "key"), SecretRef("a", ".hidden")])
def test_a_secret_is_a_file_of_the_state_directory(state, ref):
    with pytest.raises(ManifestError, match="not a file name"):
        state.read_secret(ref)


def test_reset_keeps_only_the_lock(state):
    state.write_secret(KEY, "x")
    with state.lock():
        state.reset()
    assert [path.name for path in state.directory.iterdir()] == ["lock"]


def test_one_platform_per_directory(state):
    state.announce({"pid": 42, "urls": {}})
    with state.lock(), pytest.raises(InUse, match=r"pid 42.*--data"), State(state.directory).lock():
        pass


def test_the_directory_comes_from_the_option_then_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TASKFLOW_HOME", str(tmp_path / "env"))
    assert home(str(tmp_path / "option")) == tmp_path / "option"
    assert home() == tmp_path / "env"
    monkeypatch.delenv("TASKFLOW_HOME")
    assert home().name == ".taskflow"
