"""Installs what a fresh minikube or kind cluster lacks: Knative with Kourier, its Kafka parts, Strimzi.

Each function is a phase of deploy.py and returns what it changed. Versions: versions.yaml.
"""

import copy
import json
import re
import urllib.request
from collections.abc import Mapping, Sequence

import yaml

from scripts.cluster.kubectl import CommandFailed, apply, kubectl, read, run, wait
from scripts.cluster.options import NAMESPACE
from scripts.cluster.pinned import addresses
from scripts.cluster.pods import Object

NODE_PORT = 31080  # where the gateway is on the node; the cluster maps it to this machine
DOMAIN = "localhost"  # tasks.todo-app.localhost: every system leads that to itself
KAFKA_NAMESPACE = "kafka"
_CONSUMERS = "config-kafka-broker-data-plane"
_MINUTES = 600.0
_FIRST = {"CustomResourceDefinition", "Namespace"}
_CPU = 100  # millis that a container of a release may request here; the Kafka dispatchers ask for 1000


def serving(versions: Mapping[str, str]) -> Sequence[str]:
    """Serving, then its ingress, which all names under `DOMAIN` lead to."""
    changed = [*_apply("serving", versions), *_apply("kourier", versions)]
    ingress = {"ingress-class": "kourier.ingress.networking.knative.dev"}
    changed += _configure("config-network", ingress) + _configure("config-domain", {DOMAIN: ""})
    for namespace in ("knative-serving", "kourier-system"):
        wait("deployment --all", "condition=Available", namespace=namespace, seconds=_MINUTES)
    return changed


def eventing(versions: Mapping[str, str]) -> Sequence[str]:
    """Eventing without a Broker of its own."""
    changed = _apply("eventing", versions)
    for program in ("eventing-controller", "eventing-webhook"):
        wait(f"deployment {program}", "condition=Available", namespace="knative-eventing", seconds=_MINUTES)
    return changed


def data_plane(versions: Mapping[str, str]) -> Sequence[str]:
    """KafkaSource, Broker and KafkaSink; a Trigger's first record is the oldest, not the next one."""
    changed = _apply("data-plane", versions)
    return [*changed, *start_at_the_earliest()]


def start_at_the_earliest() -> list[str]:
    """Sets auto.offset.reset in every consumer configuration of the data plane, and restarts its readers."""
    found = read("configmap", _CONSUMERS, "--namespace", "knative-eventing")
    data = {key: earliest(text) for key, text in found["data"].items() if key.endswith("consumer.properties")}
    wanted = {key: text for key, text in data.items() if found["data"][key] != text}
    if not wanted:
        return []
    _patch("configmap", _CONSUMERS, {"data": wanted}, "knative-eventing")
    for program in ("statefulset/kafka-source-dispatcher", "statefulset/kafka-broker-dispatcher"):
        kubectl("rollout", "restart", program, "--namespace", "knative-eventing")
    return [f"ConfigMap {_CONSUMERS}"]


def earliest(properties: str) -> str:
    """The same properties with auto.offset.reset=earliest, whether they had one or not."""
    line = "auto.offset.reset=earliest"
    replaced, count = re.subn(r"(?m)^auto\.offset\.reset\s*=.*$", line, properties)
    return replaced if count else f"{properties.rstrip()}\n{line}\n"


def strimzi(versions: Mapping[str, str]) -> Sequence[str]:
    """The operator of Kafka; the chart brings the Kafka itself."""
    settings = (
        f"watchNamespaces={{{NAMESPACE}}}",
        "resources.limits.memory=640Mi",
        "resources.requests.cpu=100m",
    )
    return _helm(
        "strimzi",
        "oci://quay.io/strimzi-helm/strimzi-kafka-operator",
        versions["strimzi"],
        KAFKA_NAMESPACE,
        settings,
    )


def cert_manager(versions: Mapping[str, str]) -> Sequence[str]:
    """Certificates for the hosts of profile full."""
    return _helm(
        "cert-manager",
        "oci://quay.io/jetstack/charts/cert-manager",
        f"v{versions['cert-manager']}",
        "cert-manager",
        ("crds.enabled=true",),
    )


def _helm(name: str, chart: str, version: str, namespace: str, settings: Sequence[str]) -> Sequence[str]:
    """Installs a release unless that version of it is deployed."""
    listed = json.loads(run("helm", "list", "--namespace", namespace, "--output", "json"))
    release = next((item for item in listed if item["name"] == name), None)
    chosen = f"-{version.removeprefix('v')}"
    if release and release["status"] == "deployed" and release["chart"].replace("-v", "-").endswith(chosen):
        return []
    given = [word for setting in settings for word in ("--set", setting)]
    place = ("--namespace", namespace, "--create-namespace", "--wait", "--timeout", "10m")
    command = ("helm", "upgrade", "--install", name, chart, "--version", version, *place, *given)
    run(*command, seconds=_MINUTES + 60)
    return [f"release {name} {version}"]


def _apply(part: str, versions: Mapping[str, str]) -> list[str]:
    """Applies the files of a release; a definition must be served before an object of it is applied."""
    changed = []
    for address in addresses(part, versions):
        objects = [fitted(item) for item in yaml.safe_load_all(_fetch(address)) if item]
        definitions = [item for item in objects if item["kind"] in _FIRST]
        changed += apply(definitions)
        kubectl("wait", "--for=condition=Established", "--all", "crd", "--timeout=120s", seconds=150)
        changed += apply([item for item in objects if item["kind"] not in _FIRST])
    return changed


def _fetch(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  # https, from pinned.py
            text: str = answer.read().decode()
            return text
    except OSError as error:
        raise CommandFailed(f"{address}: {error}; check the connection and run again") from None


def fitted(item: Object) -> Object:
    """An object of a release as one small node takes it: no container asks for more than `_CPU`, and the
    gateway is where the cluster maps a port of this machine to.
    """
    if item["kind"] == "Service" and item["metadata"]["name"] == "kourier":
        port = {"name": "http2", "port": 80, "protocol": "TCP", "targetPort": 8080, "nodePort": NODE_PORT}
        return {**item, "spec": {**item["spec"], "type": "NodePort", "ports": [port]}}
    if item["kind"] not in {"Deployment", "StatefulSet"}:
        return item
    fit = copy.deepcopy(item)
    for container in fit["spec"]["template"]["spec"]["containers"]:
        requests = container.get("resources", {}).get("requests", {})
        if "cpu" in requests and _millis(str(requests["cpu"])) > _CPU:
            requests["cpu"] = f"{_CPU}m"
    return fit


def _millis(quantity: str) -> float:
    return float(quantity[:-1]) if quantity.endswith("m") else float(quantity) * 1000


def _configure(name: str, data: Mapping[str, str]) -> list[str]:
    found = read("configmap", name, "--namespace", "knative-serving")
    if found and all(found.get("data", {}).get(key) == value for key, value in data.items()):
        return []
    _patch("configmap", name, {"data": dict(data)}, "knative-serving")
    return [f"ConfigMap {name}"]


def _patch(kind: str, name: str, change: Mapping[str, object], namespace: str) -> None:
    kubectl("patch", kind, name, "--namespace", namespace, "--type", "merge", "--patch", json.dumps(change))
