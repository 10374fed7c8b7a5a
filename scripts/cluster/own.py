"""The cluster that deploy-local.sh makes for itself, with minikube or kind; nothing of it for `current`."""

import json
import tempfile
from collections.abc import Mapping, Sequence

import yaml

from scripts.cluster.kubectl import run
from scripts.cluster.machine import Machine
from scripts.cluster.operators import NODE_PORT
from scripts.cluster.options import NAME, Options
from scripts.cluster.preflight import NEEDS

_LONG = 900.0


def create(options: Options, machine: Machine, versions: Mapping[str, str]) -> Sequence[str]:
    """Starts it; one that runs is left as it is."""
    if options.cluster == "current":
        return []
    if options.cluster == "kind":
        return _kind(options, versions)
    return _minikube(options, machine, versions)


def delete(options: Options) -> None:
    """Removes it with everything in it."""
    if options.cluster == "kind":
        run("kind", "delete", "cluster", "--name", NAME, seconds=_LONG)
    elif options.cluster == "minikube":
        run("minikube", "delete", "--profile", NAME, seconds=_LONG)


def minikube_command(options: Options, machine: Machine, versions: Mapping[str, str]) -> tuple[str, ...]:
    """containerd, since only its store keeps the digest under which the functions name their image."""
    memory, cpus = NEEDS[options.profile]
    driver = machine.engine.name if machine.engine else "docker"
    return (
        *("minikube", "start", "--profile", NAME, "--driver", driver, "--container-runtime", "containerd"),
        *("--kubernetes-version", f"v{versions['kubernetes-local']}"),
        *("--memory", str(memory), "--cpus", str(cpus)),
        *("--ports", f"127.0.0.1:{options.port}:{NODE_PORT}"),
    )


def kind_config(options: Options) -> dict[str, object]:
    """One node, with the gateway's port on loopback."""
    mapping = {
        "containerPort": NODE_PORT,
        "hostPort": options.port,
        "listenAddress": "127.0.0.1",
        "protocol": "TCP",
    }
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "nodes": [{"role": "control-plane", "extraPortMappings": [mapping]}],
    }


def _minikube(options: Options, machine: Machine, versions: Mapping[str, str]) -> Sequence[str]:
    listed = json.loads(run("minikube", "profile", "list", "--output", "json") or "{}")
    running = any(item["Name"] == NAME and item.get("Status") in _UP for item in listed.get("valid", []))
    if not running:
        run(*minikube_command(options, machine, versions), seconds=_LONG)
    run("kubectl", "config", "use-context", NAME)
    return [] if running else [f"minikube {NAME}"]


_UP = {"Running", "OK"}  # the word depends on minikube's version


def _kind(options: Options, versions: Mapping[str, str]) -> Sequence[str]:
    there = NAME in run("kind", "get", "clusters").split()
    if not there:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(kind_config(options), file)
            file.flush()
            image = f"kindest/node:v{versions['kubernetes-local']}"
            run("kind", "create", "cluster", "--config", file.name, "--image", image, seconds=_LONG)
    run("kubectl", "config", "use-context", f"kind-{NAME}")
    return [] if there else [f"kind {NAME}"]
