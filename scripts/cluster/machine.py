"""What this machine is and has: facts for preflight.py, which decides. Nothing here changes anything."""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Wsl = Literal["", "1", "2"]
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "kubectl": ("version", "--client", "-o", "json"),
    "helm": ("version", "--short"),
    "minikube": ("version", "--short"),
    "kind": ("version",),
    "docker": ("version", "--format", "{{.Client.Version}}"),
    "podman": ("--version",),
}
Version = tuple[int, int, int]


@dataclass(frozen=True)
class Machine:
    """`tools`: name → version, None when it cannot be read; absent tools are absent. Memory in MiB.
    `engine`: what the container engine may use, None when it does not answer.
    """

    system: str
    wsl: Wsl = ""
    memory: int = 0
    cpus: float = 0
    free_disk: int = 0
    tools: Mapping[str, Version | None] = field(default_factory=dict)
    engine: "Engine | None" = None
    used_ports: frozenset[int] = frozenset()
    project: Path = Path("/")


@dataclass(frozen=True)
class Engine:
    """A container engine that answers; memory in MiB."""

    name: Literal["docker", "podman"]
    memory: int
    cpus: float


def look(ports: tuple[int, ...], project: Path) -> Machine:
    """The facts of this machine."""
    tools = {name: version_of(name) for name in _COMMANDS if shutil.which(name)}
    return Machine(
        system=os.uname().sysname,
        wsl=wsl(_read("/proc/version"), os.environ),
        memory=memory(_read("/proc/meminfo")),
        cpus=os.cpu_count() or 1,
        free_disk=shutil.disk_usage(project).free // 2**20,
        tools=tools,
        engine=engine(tools),
        used_ports=frozenset(port for port in ports if _taken(port)),
        project=project,
    )


def wsl(proc_version: str, environ: Mapping[str, str]) -> Wsl:
    """Which Windows Subsystem for Linux this is. Version 2 is a virtual machine with a kernel of its own,
    whose name says so; version 1 imitates one of Microsoft's.
    """
    text = proc_version.lower()
    if "microsoft" not in text:
        return ""
    return "2" if "wsl2" in text or "microsoft-standard" in text or "WSL_INTEROP" in environ else "1"


def memory(meminfo: str) -> int:
    """MemTotal in MiB, 0 when there is none (not Linux)."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def version(text: str) -> Version | None:
    """The first version in a text."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def version_of(tool: str) -> Version | None:
    """What a tool says of itself."""
    output = _output(tool, *_COMMANDS[tool])
    if tool == "kubectl" and output:
        try:
            output = json.loads(output)["clientVersion"]["gitVersion"]
        except (ValueError, KeyError):
            return None
    return version(output)


def engine(tools: Mapping[str, object], ask: Callable[..., str] | None = None) -> Engine | None:
    """The first of Docker and Podman that answers."""
    ask = ask or _output
    if "docker" in tools and (
        found := _numbers(ask("docker", "info", "--format", "{{.MemTotal}} {{.NCPU}}"))
    ):
        return Engine("docker", *found)
    if "podman" in tools and (
        found := _numbers(ask("podman", "info", "--format", "{{.Host.MemTotal}} {{.Host.CPUs}}"))
    ):
        return Engine("podman", *found)
    return None


def _numbers(text: str) -> tuple[int, float] | None:
    parts = text.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts) or parts[0] == "0":
        return None
    return int(parts[0]) // 2**20, float(parts[1])


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False
