"""Finds and runs helm and kubectl; no other module starts a program."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.deploy.errors import Refused

TOOLS = "TASKFLOW_TOOLS"  # a directory with bin/, looked at after PATH
_WHERE = {
    "helm": "https://helm.sh/docs/intro/install/",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
}
_VERSION = re.compile(r"v(\d+)\.\d+")
_PATIENCE = 60.0  # seconds for one question to the API server


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    error: str


@dataclass(frozen=True)
class Tools:
    """Paths of both programs, Helm's major version, and the place that every command is about."""

    helm: str
    kubectl: str
    major: int
    context: str
    namespace: str

    def run_helm(self, *arguments: str, seconds: float | None = None) -> Answer:
        context = ("--kube-context", self.context) if self.context else ()
        return run([self.helm, *arguments, "--namespace", self.namespace, *context], seconds=seconds)

    def run_kubectl(self, *arguments: str, given: str | None = None) -> Answer:
        context = ("--context", self.context) if self.context else ()
        command = [self.kubectl, *arguments, *context, "--request-timeout=20s"]
        return run(command, seconds=_PATIENCE, given=given)

    def objects(self, kind: str, *arguments: str) -> list[Any]:  # JSON of the API server
        """The objects of the namespace; none where the kind does not exist."""
        answer = self.run_kubectl(
            "get", kind, "--namespace", self.namespace, "--output", "json", "--ignore-not-found", *arguments
        )
        if answer.code or not answer.out.strip():
            return []
        found: list[Any] = json.loads(answer.out).get("items", [])
        return found


def find(name: str, environment: Mapping[str, str] = os.environ, where: Mapping[str, str] = _WHERE) -> str:
    """The path of a program; Refused where it is missing."""
    own = environment.get(TOOLS)
    path = shutil.which(name, path=environment.get("PATH", "")) or (
        shutil.which(name, path=str(Path(own) / "bin")) if own else None
    )
    if path is None:
        raise Refused(
            f"{name} is not installed: see {where[name]}, or set {TOOLS} to a directory with bin/{name}"
        )
    return path


def major(version: str) -> int:
    """3 or 4 from what `helm version` prints; Refused for any other."""
    match = _VERSION.search(version)
    if match is None or int(match[1]) not in (3, 4):
        raise Refused(f"helm {version.strip() or 'without a version'} is not supported: install Helm 4 or 3")
    return int(match[1])


def tools(context: str, namespace: str) -> Tools:
    """What this machine has; Refused names what is missing."""
    helm, kubectl = find("helm"), find("kubectl")
    answer = run([helm, "version", "--template", "{{.Version}}"], seconds=_PATIENCE)
    return Tools(helm, kubectl, major(answer.out), context, namespace)


def run(command: Sequence[str], *, seconds: float | None, given: str | None = None) -> Answer:
    """Never raises for what the command says; 124 when it takes longer than `seconds`."""
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return Answer(124, "", f"{Path(command[0]).name} did not end within {seconds:.0f} s")
    return Answer(done.returncode, done.stdout, done.stderr)
