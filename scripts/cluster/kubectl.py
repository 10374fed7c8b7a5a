"""The current cluster, through kubectl: reading, applying, waiting. Used by every other module of the folder.

Everything is applied on the server's side under one field manager, so that applying twice changes nothing.
"""

import base64
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.cluster.options import NAMESPACE
from scripts.cluster.pods import Object

MANAGER = "deploy-local"
_LOG = re.compile(r"[EWI]\d{4} ")  # klog's lines


class CommandFailed(Exception):
    """A program failed; the message is its name and the end of its output."""


def run(*command: str, given: str | None = None, seconds: float = 120) -> str:
    """The standard output; CommandFailed with what it wrote to standard error."""
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise CommandFailed(f"{command[0]} is not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{' '.join(command[:4])} …: not done within {seconds:g} s") from None
    if done.returncode:
        raise CommandFailed(f"{' '.join(command[:4])} …: {last_words(done.stderr or done.stdout)}")
    return done.stdout


def last_words(text: str) -> str:
    """The end of a program's output, as one line, without kubectl's log of its own attempts."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _LOG.match(line)]
    return " / ".join(lines[-3:])


def kubectl(*arguments: str, given: str | None = None, seconds: float = 120) -> str:
    """Runs kubectl against the current context."""
    return run("kubectl", *arguments, given=given, seconds=seconds)


def read(*arguments: str) -> Any:  # Any: whatever object it is
    """`kubectl get … -o json`; None when the object does not exist."""
    output = kubectl("get", *arguments, "--ignore-not-found", "-o", "json")
    return json.loads(output) if output.strip() else None


def items(*arguments: str) -> list[Object]:
    """The objects of a list."""
    found = read(*arguments)
    return list(found["items"]) if found else []


def names(kind: str, *, namespace: str | None = NAMESPACE) -> set[str]:
    """The names of all objects of a kind; empty when the kind is unknown to the cluster."""
    place = ("--all-namespaces",) if namespace is None else ("--namespace", namespace)
    try:
        return {item["metadata"]["name"] for item in items(kind, *place)}
    except CommandFailed as error:
        if "the server doesn't have a resource type" in str(error):
            return set()
        raise


def apply(objects: Sequence[Object]) -> list[str]:
    """Applies and returns `Kind name` of everything that was not so before."""
    if not objects:
        return []
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    before = _states(kubectl("get", "--ignore-not-found", "-o", "json", "-f", "-", given=given))
    arguments = ("apply", "--server-side", "--force-conflicts", f"--field-manager={MANAGER}", "-o", "json")
    after = _states(kubectl(*arguments, "-f", "-", given=given))
    return [f"{kind} {name}" for (kind, name), state in after.items() if before.get((kind, name)) != state]


def _states(output: str) -> Mapping[tuple[str, str], str]:
    """By kind and name what changes when an object does, and not when its status does."""
    if not output.strip():
        return {}
    document = json.loads(output)
    found = document["items"] if document["kind"] == "List" else [document]
    return {(item["kind"], item["metadata"]["name"]): _state(item) for item in found}


def _state(item: Object) -> str:
    meta = item["metadata"]
    content = {name: value for name, value in item.items() if name not in {"status", "metadata"}}
    kept = {name: meta.get(name) for name in ("uid", "labels", "annotations")}
    return json.dumps([content, kept], sort_keys=True)


def wait(what: str, condition: str, *, namespace: str = NAMESPACE, seconds: float = 300) -> None:
    """`kubectl wait`; the message of a failure ends with what the pods say."""
    where = ("--namespace", namespace)
    arguments = (f"--for={condition}", *what.split(), *where, f"--timeout={seconds:.0f}s")
    try:
        kubectl("wait", *arguments, seconds=seconds + 30)
    except CommandFailed as error:
        raise CommandFailed(f"{what} in {namespace}: {error}; {trouble(namespace)}") from None


def trouble(namespace: str) -> str:
    """One line about the pods that do not run."""
    lines = []
    for pod in items("pods", "--namespace", namespace):
        for state in pod.get("status", {}).get("containerStatuses", []):
            waiting = state.get("state", {}).get("waiting")
            if waiting:
                reason = f"{waiting.get('reason')} {waiting.get('message', '')}".strip()
                lines.append(f"{pod['metadata']['name']}: {reason[:160]}")
        lines += [
            f"{pod['metadata']['name']}: {condition.get('message', '')[:160]}"
            for condition in pod.get("status", {}).get("conditions", [])
            if condition["type"] == "PodScheduled" and condition["status"] == "False"
        ]
    return "; ".join(lines[:4]) or "no pod complains"


def secret_value(name: str, key: str) -> str:
    """One value of a Secret."""
    found = read("secret", name, "--namespace", NAMESPACE)
    if not found or key not in found.get("data", {}):
        raise CommandFailed(f"Secret {name} has no {key}: run scripts/deploy-local.sh")
    return base64.b64decode(found["data"][key]).decode()
