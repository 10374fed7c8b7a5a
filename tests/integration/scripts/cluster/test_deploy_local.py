"""The two shell scripts with a kubectl that only writes down what it is asked: nothing changes too early."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from scripts.bootstrap import PROJECT
from scripts.cluster.kubectl import last_words

READING = {"get", "version"}
KUBECTL = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$1 $2" in
  "version --client") echo '{"clientVersion": {"gitVersion": "v1.34.4"}}' ;;
  "version -o") echo '{"serverVersion": {"gitVersion": "v1.34.4"}}' ;;
  "get nodes") cat "$NODES" ;;
  "get "*) echo '{"items": []}' ;;
  *) exit 0 ;;
esac
"""
HELM = '#!/bin/sh\necho "helm $@" >> "$CALLS"\necho v4.2.4\n'
NODE = {
    "metadata": {"name": "node"},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "900Mi"}},
}


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    for name, text in (("kubectl", KUBECTL), ("helm", HELM)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    (tmp_path / "calls").touch()
    (tmp_path / "nodes").write_text(json.dumps({"items": [NODE]}))
    return tmp_path


def command(stubs: Path, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {
        **os.environ,
        "PATH": f"{stubs / 'bin'}:{PROJECT / '.venv/bin'}:/usr/bin:/bin",
        "CALLS": str(stubs / "calls"),
        "NODES": str(stubs / "nodes"),
    }
    return subprocess.run(
        [PROJECT / "scripts" / script, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def calls(stubs: Path) -> list[str]:
    return (stubs / "calls").read_text().splitlines()


def test_everything_that_is_wrong_is_said_before_anything_is_changed(stubs):
    done = command(stubs, "deploy-local.sh", "--cluster", "current")
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert all(line.startswith("STOP   ") for line in lines), done.stderr
    for words in ("--image-load", "Knative Serving", "Knative Eventing", "--kafka", "--ingress", "900 MiB"):
        assert sum(words in line for line in lines) == 1, words
    assert all(call.split()[0] in READING or call.startswith("helm version") for call in calls(stubs))


def test_a_cluster_of_another_kind_is_refused_with_the_choices(stubs):
    done = command(stubs, "deploy-local.sh", "--cluster", "gke")
    assert done.returncode == 2
    assert "choose from" in done.stderr
    assert calls(stubs) == []


def test_taking_away_what_is_not_there_changes_nothing_and_succeeds(stubs):
    done = command(stubs, "teardown-local.sh", "--cluster", "current")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing to remove") == len(done.stdout.splitlines())
    assert all(call.split()[0] in {*READING, "helm"} for call in calls(stubs))


def test_a_tool_that_is_missing_is_named_with_the_place_to_get_it(stubs):
    (stubs / "bin/helm").unlink()
    done = command(stubs, "deploy-local.sh", "--cluster", "current")
    assert "STOP   helm is not on the PATH: install" in done.stderr


def test_kubectls_own_log_is_no_part_of_a_message():
    said = 'E1125 11:31:29.94 1445 memcache.go:265] "Unhandled Error"\nThe connection was refused\n'
    assert last_words(said) == "The connection was refused"
