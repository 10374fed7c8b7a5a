"""The current cluster's version, and what its nodes can still give. Read before anything changes."""

import json
from collections.abc import Iterable

from scripts.cluster.kubectl import items, kubectl
from scripts.cluster.machine import Version, version
from scripts.cluster.options import NAMESPACE
from scripts.cluster.pods import Object
from scripts.cluster.preflight import Capacity

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def server_version() -> Version:
    """Raises CommandFailed when no cluster answers."""
    found = version(json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"])
    assert found is not None, "a server has a version"
    return found


def capacity() -> Capacity:
    """Of the nodes that take pods, without what other namespaces have requested."""
    nodes = [node for node in items("nodes") if not node["spec"].get("unschedulable")]
    pods = [pod for pod in items("pods", "--all-namespaces") if pod["metadata"]["namespace"] != NAMESPACE]
    return left(nodes, pods)


def left(nodes: Iterable[Object], pods: Iterable[Object]) -> Capacity:
    """Allocatable minus requested."""
    allocatable = [node["status"]["allocatable"] for node in nodes]
    memory = sum(quantity(item["memory"]) for item in allocatable)
    cpus = sum(quantity(item["cpu"]) for item in allocatable)
    for pod in pods:
        if pod["status"].get("phase") in {"Succeeded", "Failed"}:
            continue
        for container in pod["spec"]["containers"]:
            requests = container.get("resources", {}).get("requests", {})
            memory -= quantity(requests.get("memory", "0"))
            cpus -= quantity(requests.get("cpu", "0"))
    return Capacity(int(memory / 2**20), cpus)


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number: bytes or processors."""
    if text.endswith("m"):
        return float(text[:-1]) / 1000
    for unit, size in _UNITS.items():
        if text.endswith(unit):
            return float(text[: -len(unit)]) * size
    return float(text)
