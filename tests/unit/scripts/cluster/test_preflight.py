from dataclasses import replace
from pathlib import Path

import pytest

from scripts.cluster.machine import Engine, Machine
from scripts.cluster.options import Options
from scripts.cluster.preflight import Capacity, advice, cluster_complaints, complaints

GOOD = Machine(
    system="Linux",
    memory=16000,
    cpus=8,
    free_disk=90000,
    tools={"kubectl": (1, 35, 0), "helm": (4, 2, 4), "kind": (0, 32, 0), "docker": (27, 3, 1)},
    engine=Engine("docker", 16000, 8),
)
KIND = Options("kind", "core")
PINNED = {"helm": "4.2.4", "kind": "0.32.0", "minikube": "1.38.1"}


def test_nothing_stands_in_the_way_of_a_good_machine():
    assert complaints(KIND, GOOD, PINNED) == []
    assert advice(GOOD) == []


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"tools": {}}, KIND, "kubectl is not on the PATH: install 1.33.0 or newer"),
        ({"tools": GOOD.tools | {"helm": (3, 9, 4)}}, KIND, "helm is 3.9.4, at least 3.18.0 is needed"),
        ({"tools": GOOD.tools | {"kind": (0, 20, 0)}}, KIND, "kind is 0.20.0, at least 0.32.0"),
        ({}, Options("minikube", "core"), "minikube is not on the PATH: install 1.38.1 or newer"),
        ({"engine": None}, KIND, "sudo systemctl start docker"),
        ({"engine": None, "wsl": "2"}, KIND, "WSL integration on"),
        (
            {"engine": None, "tools": {k: v for k, v in GOOD.tools.items() if k != "docker"}, "wsl": "2"},
            KIND,
            "install Docker Desktop with WSL integration for this distribution",
        ),
        (
            {"engine": None, "tools": {k: v for k, v in GOOD.tools.items() if k != "docker"}},
            KIND,
            "install Docker or Podman",
        ),
        (
            {"engine": Engine("docker", 3900, 8)},
            KIND,
            "memory: 3900 MiB for containers, profile core needs 7800",
        ),
        ({"engine": Engine("docker", 9000, 8)}, Options("kind", "full"), "profile full needs 10240"),
        ({"engine": Engine("docker", 16000, 2)}, KIND, "processors: 2 for containers, profile core needs 4"),
        ({"free_disk": 900}, KIND, "docker system prune"),
        (
            {"used_ports": frozenset({8080})},
            KIND,
            "port 8080 is taken: free it, or choose another with --port",
        ),
        ({"wsl": "1"}, KIND, "wsl --set-version"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_fix(change, options, words):
    found = complaints(options, replace(GOOD, **change), PINNED)
    assert any(words in line for line in found), found
    assert all("\n" not in line for line in found)


def test_wsl2_with_too_little_memory_is_told_what_to_write_where():
    small = replace(GOOD, wsl="2", engine=Engine("docker", 3900, 2))
    memory, processors = complaints(KIND, small, PINNED)
    for line in (memory, processors):
        assert r"%UserProfile%\.wslconfig" in line
        assert "[wsl2]" in line
        assert "memory=9GB" in line
        assert "processors=4" in line
        assert "wsl --shutdown" in line


def test_a_mac_is_sent_to_docker_desktop():
    small = replace(GOOD, system="Darwin", engine=Engine("docker", 3900, 8))
    (line,) = complaints(KIND, small, PINNED)
    assert "Docker Desktop > Resources" in line


def test_the_current_cluster_needs_no_container_engine_and_no_memory_of_this_machine():
    small = replace(GOOD, engine=None, memory=900, cpus=1, free_disk=10)
    assert complaints(Options("current", "core"), small, PINNED) == []


def test_a_tool_whose_version_cannot_be_read_is_trusted():
    assert complaints(KIND, replace(GOOD, tools=GOOD.tools | {"helm": None}), PINNED) == []


def test_a_project_on_a_windows_drive_is_slow():
    slow = replace(GOOD, wsl="2", project=Path("/mnt/c/Users/ada/taskflow"))
    (line,) = advice(slow)
    assert "git clone" in line


def test_an_old_or_full_cluster_is_refused():
    assert cluster_complaints((1, 34, 4), Capacity(8000, 2.0), "1.34") == []
    old, little, slow = cluster_complaints((1, 33, 9), Capacity(900, 0.2), "1.34")
    assert "Kubernetes 1.33 is too old, Knative wants 1.34" in old
    assert "900 MiB" in little
    assert "0.2 processors" in slow
