"""Kubernetes objects of the parts that only a local cluster has; `objects.py` puts them together.

Every pod meets the Pod Security level `restricted`: the namespace enforces it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.cluster.options import NAMESPACE

Object = dict[str, Any]  # a Kubernetes object as JSON
PART_OF = {"app.kubernetes.io/part-of": "taskflow", "app.kubernetes.io/managed-by": "deploy-local"}
SHUT = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@dataclass(frozen=True)
class Pod:
    """One container. `memory` in MiB is request and limit; `volumes`: mount path → source of a volume."""

    name: str
    image: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    port: int | None = None
    ready: Mapping[str, Any] | None = None
    memory: int = 128
    cpu: str = "25m"
    grace: int = 30


def named(kind: str, name: str, *, api: str = "v1", **fields: Any) -> Object:  # Any: the fields of a kind
    """An object of our namespace with our labels."""
    labels = {"app.kubernetes.io/name": name, **PART_OF}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        **fields,
    }


def deployment(pod: Pod) -> Object:
    """One replica; the old one ends first, since two would share a volume or a consumer group."""
    select = {"app.kubernetes.io/name": pod.name}
    spec = {
        "replicas": 1,
        "revisionHistoryLimit": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": select},
        "template": _template(pod, restart="Always"),
    }
    return named("Deployment", pod.name, api="apps/v1", spec=spec)


def job(pod: Pod) -> Object:
    """A Job whose name tells its content: the same work is not done twice, other work is another Job."""
    spec = {"backoffLimit": 6, "template": _template(pod, restart="OnFailure")}
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    return named("Job", f"{pod.name}-{digest}", api="batch/v1", spec=spec)


def service(name: str, port: int, target: int) -> Object:
    """A cluster-local address for the pods of that name."""
    spec = {
        "selector": {"app.kubernetes.io/name": name},
        "ports": [{"name": "main", "port": port, "targetPort": target}],
    }
    return named("Service", name, spec=spec)


def _template(pod: Pod, *, restart: str) -> Object:
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": pod.grace,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(pod)],
        "volumes": [{"name": f"v{n}", **source} for n, source in enumerate(pod.volumes.values())],
    }
    return {"metadata": {"labels": {"app.kubernetes.io/name": pod.name, **PART_OF}}, "spec": spec}


def _container(pod: Pod) -> Object:
    memory = f"{pod.memory}Mi"
    container: Object = {
        "name": "main",
        "image": pod.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(pod.command),
        "env": [{"name": name, "value": value} for name, value in pod.env.items()],
        "resources": {"requests": {"cpu": pod.cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": SHUT,
        "volumeMounts": [{"name": f"v{n}", "mountPath": path} for n, path in enumerate(pod.volumes)],
    }
    if pod.port:
        container["ports"] = [{"containerPort": pod.port}]
    if pod.ready:
        container["readinessProbe"] = dict(pod.ready)
    return container
