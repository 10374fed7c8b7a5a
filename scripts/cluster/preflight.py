"""What stands in the way of an installation, one line each with its fix: decided before anything changes.

Pure: deploy.py gives the facts of machine.py and capacity.py and prints the lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scripts.cluster.machine import Machine, Version
from scripts.cluster.options import Options

# Least versions; helm 3 and 4 both install the chart.
LEAST: Mapping[str, Version] = {
    "kubectl": (1, 33, 0),
    "helm": (3, 18, 0),
    "minikube": (1, 38, 0),
    "kind": (0, 32, 0),
}
# MiB and processors of a cluster of our own, by profile: the requests, and what the node itself takes.
NEEDS = {"core": (7800, 4), "full": (10240, 4)}
DISK = 20 * 1024
# What an installation on a cluster that has Knative and Kafka adds: requests in MiB and processors.
OURS = (1400, 1.0)
_WHERE = {
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/",
    "minikube": "https://minikube.sigs.k8s.io/docs/start/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/",
}


@dataclass(frozen=True)
class Capacity:
    """What the nodes of a cluster can still give: allocatable minus requested; MiB and processors."""

    memory: int
    cpus: float


def complaints(options: Options, machine: Machine, pinned: Mapping[str, str]) -> list[str]:
    """What the machine lacks; empty when the installation may begin."""
    found = [*_system(machine), *_tools(options, machine, pinned)]
    if options.cluster != "current":
        found += [*_engine(options, machine), *_sizes(options, machine)]
    if options.cluster == "kind" and options.port in machine.used_ports:
        found.append(f"port {options.port} is taken: free it, or choose another with --port")
    return found


def cluster_complaints(server: Version, capacity: Capacity, floor: str) -> list[str]:
    """What an existing cluster lacks. `floor`: the Kubernetes minor version that Knative wants at least."""
    found = []
    wanted = tuple(int(part) for part in floor.split("."))
    if server[:2] < wanted:
        have = f"{server[0]}.{server[1]}"
        found.append(f"Kubernetes {have} is too old, Knative wants {floor}: upgrade the cluster")
    memory, cpus = OURS
    if capacity.memory < memory:
        found.append(
            f"the cluster has {capacity.memory} MiB of memory left, {memory} are requested: add a node or "
            "remove other workloads"
        )
    if capacity.cpus < cpus:
        found.append(
            f"the cluster has {capacity.cpus:.1f} processors left, {cpus:.1f} are requested: add a node or "
            "remove other workloads"
        )
    return found


def advice(machine: Machine) -> list[str]:
    """What does not stop an installation but makes it slow."""
    if machine.wsl and machine.project.as_posix().startswith("/mnt/"):
        return [
            (
                f"{machine.project} lies on a Windows drive, which is slow from Linux: clone it below your "
                "home directory (cd ~ && git clone …)"
            )
        ]
    return []


def _system(machine: Machine) -> Iterator[str]:
    if machine.wsl == "1":
        yield "this is WSL 1, which runs no containers: `wsl --set-version <distribution> 2` in PowerShell"


def _tools(options: Options, machine: Machine, pinned: Mapping[str, str]) -> Iterator[str]:
    needed = ["kubectl", "helm", *([options.cluster] if options.cluster != "current" else [])]
    for name in needed:
        least = ".".join(map(str, LEAST[name]))
        if name not in machine.tools:
            wish = pinned.get(name, least)
            yield f"{name} is not on the PATH: install {wish} or newer ({_WHERE[name]})"
            continue
        have = machine.tools[name]
        if have is not None and have < LEAST[name]:
            shown = ".".join(map(str, have))
            yield f"{name} is {shown}, at least {least} is needed: upgrade it ({_WHERE[name]})"


def _engine(options: Options, machine: Machine) -> Iterator[str]:
    if machine.engine is not None:
        return
    present = [name for name in ("docker", "podman") if name in machine.tools]
    if not present:
        hint = (
            "install Docker Desktop with WSL integration for this distribution, or docker.io in it"
            if machine.wsl
            else "install Docker or Podman"
        )
        yield f"{options.cluster} needs a container engine and there is none: {hint}"
    elif present == ["podman"]:
        yield (
            "podman does not answer: run `systemctl --user start podman.socket` "
            "(macOS: `podman machine start`)"
        )
    elif machine.wsl:
        yield (
            "docker does not answer: start Docker Desktop with Settings > Resources > WSL integration on, "
            "or run `sudo service docker start`"
        )
    else:
        yield "docker does not answer: run `sudo systemctl start docker` and be in the group docker"


def _sizes(options: Options, machine: Machine) -> Iterator[str]:
    memory, cpus = NEEDS[options.profile]
    have = machine.engine.memory if machine.engine else machine.memory
    processors = machine.engine.cpus if machine.engine else machine.cpus
    if have and have < memory:
        yield (
            f"memory: {have} MiB for containers, profile {options.profile} needs {memory}: "
            f"{_enlarge(machine, memory, cpus)}"
        )
    if processors < cpus:
        yield (
            f"processors: {processors:g} for containers, profile {options.profile} needs {cpus}: "
            f"{_enlarge(machine, memory, cpus)}"
        )
    if machine.free_disk < DISK:
        yield f"disk: {machine.free_disk} MiB free, {DISK} are needed: run `docker system prune`"


def _enlarge(machine: Machine, memory: int, cpus: int) -> str:
    if machine.wsl:
        return (
            rf"in %UserProfile%\.wslconfig write [wsl2], memory={-(-memory // 1024) + 1}GB, "
            f"processors={cpus} on lines of their own, then run `wsl --shutdown` in PowerShell"
        )
    if machine.system == "Darwin":
        return "raise it in the settings of Docker Desktop > Resources (podman: `podman machine set`)"
    return "use a larger machine"
