import pytest

from scripts.cluster.machine import Engine, engine, memory, version, wsl


@pytest.mark.parametrize(
    ("proc_version", "environ", "kind"),
    [
        ("Linux version 6.8.0-49-generic (buildd@lcy02) #49-Ubuntu SMP", {}, ""),
        ("Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1)", {}, "2"),
        ("Linux version 6.6.87.2-microsoft-standard-WSL2+ (me@home) #1", {}, "2"),
        ("Linux version 6.1.21.2-Microsoft-custom", {"WSL_INTEROP": "/run/WSL/8_interop"}, "2"),
        ("Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)", {}, "1"),
        ("", {"WSL_INTEROP": "left over from elsewhere"}, ""),
    ],
)
def test_the_kernel_says_which_wsl_it_is(proc_version, environ, kind):
    assert wsl(proc_version, environ) == kind


def test_memory_is_read_in_mebibytes():
    assert memory("MemTotal:        8029292 kB\nMemFree:          123 kB\n") == 7841
    assert memory("no such file on a Mac") == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("v4.3.1+gabc", (4, 3, 1)),
        ("kind v0.32.0 go1.26.1 linux/amd64", (0, 32, 0)),
        ("minikube version: v1.38.1\ncommit: 0c2", (1, 38, 1)),
        ("podman version 5.2", (5, 2, 0)),
        ("garbage", None),
    ],
)
def test_versions_of_tools(text, found):
    assert version(text) == found


def test_docker_is_asked_first_and_podman_when_docker_is_silent():
    answers = {"docker": "8326148096 4\n", "podman": "16652296192 8\n"}
    tools = {"docker": (27, 0, 0), "podman": (5, 2, 0)}
    assert engine(tools, lambda name, *_: answers[name]) == Engine("docker", 7940, 4)
    assert engine(tools, lambda name, *_: "" if name == "docker" else answers[name]) == Engine(
        "podman", 15880, 8
    )


@pytest.mark.parametrize("answer", ["", "0 0\n", "Cannot connect to the Docker daemon", "<no value> 4"])
def test_an_engine_without_numbers_does_not_answer(answer):
    assert engine({"docker": None}, lambda *_: answer) is None
