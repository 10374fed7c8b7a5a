"""The versions and sizes of what a run of e2e-cluster used, asked of the cluster itself."""

import json
import subprocess
from collections.abc import Mapping
from datetime import datetime

from scripts.bootstrap import PROJECT
from scripts.cluster import parts, release
from scripts.cluster.e2e.report import Facts
from scripts.cluster.kubectl import items, kubectl, read, run
from scripts.cluster.options import Options

_RELEASE_LABEL = "app.kubernetes.io/version"


def gather(began: datetime, seconds: float, options: Options, told: Mapping[str, str]) -> Facts:
    """After the cases. `told`: versions that the cluster's owner knows better than its labels."""
    have = parts.present()
    values = release.recorded()
    kafka = values.get("kafka", {}).get("bootstrapServers")
    used = Options(options.cluster, options.profile, kafka=kafka, ingress=options.ingress)
    return Facts(
        began=began.strftime("%Y-%m-%d %H:%M UTC"),
        seconds=seconds,
        commit=commit(),
        machine=_machine(),
        versions={**_versions(str(values["image"]["digest"])), **told},
        real=_real(have, kafka),
        replaced=parts.shortfall(have, used).replaced,
    )


def _real(have: frozenset[str], kafka: str | None) -> list[str]:
    found = ["Kubernetes with its kubelet and containerd", *sorted(have)]
    if kafka:
        found.append("Apache Kafka")
    return [*found, "PostgreSQL", "every function, with the image of scripts/image, installed by the chart"]


def _versions(digest: str) -> dict[str, str]:
    server = json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    node = items("nodes")[0]["status"]["nodeInfo"]
    return {
        "Kubernetes": server,
        "container runtime": node["containerRuntimeVersion"],
        "kernel": node["kernelVersion"],
        "Knative Serving": _of("deployment", "activator", "knative-serving"),
        "Knative Eventing": _of("deployment", "eventing-controller", "knative-eventing"),
        "Helm": run("helm", "version", "--short").strip(),
        "image": digest,
    }


def _of(kind: str, name: str, namespace: str) -> str:
    """What the object's label says; objects applied from a source tree say `devel`."""
    found = read(kind, name, "--namespace", namespace)
    return str((found or {}).get("metadata", {}).get("labels", {}).get(_RELEASE_LABEL, "not said"))


def _machine() -> str:
    nodes = items("nodes")
    cpus = sum(int(node["status"]["capacity"]["cpu"]) for node in nodes)
    memory = sum(int(node["status"]["capacity"]["memory"].removesuffix("Ki")) for node in nodes) / 2**20
    return f"{len(nodes)} node(s), {cpus} processors, {memory:.0f} GiB of memory"


def commit() -> str:
    """Of the project, with `-dirty` when files differ from it."""
    done = subprocess.run(
        ["git", "-C", str(PROJECT), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
