"""The sums of docs/footprint.yaml and of the chart's renders: what a profile asks of its machine."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.contract.manifests.given import PROJECT, Object, objects, pods

TABLE: Mapping[str, Any] = yaml.safe_load((PROJECT / "docs/footprint.yaml").read_text())
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True)
class Need:
    """Millicores and MiB."""

    cpu: float = 0
    memory: float = 0

    def __add__(self, other: "Need") -> "Need":
        return Need(self.cpu + other.cpu, self.memory + other.memory)


def total(needs: Any) -> Need:
    return sum(needs, Need())


def need(resources: Mapping[str, Any], *, times: int = 1) -> Need:
    """Requests of a container as Kubernetes spells them."""
    given = resources.get("requests", {})
    cpu, memory = str(given.get("cpu", "0")), str(given.get("memory", "0"))
    millis = float(cpu[:-1]) if cpu.endswith("m") else float(cpu) * 1000
    unit = next((u for u in UNITS if memory.endswith(u)), "")
    size = float(memory.removesuffix(unit)) * UNITS.get(unit, 1) / 2**20
    return Need(millis * times, size * times)


def component(name: str, cap: int) -> Need:
    """All containers of a part that others release, none asking for more than `cap` millicores."""
    part = TABLE["components"][name]
    most = 10**6 if part.get("fixed") else cap
    return total(Need(min(cpu, most), memory) for cpu, memory in part["containers"])


def functions(found: list[Object]) -> list[Need]:
    """One pod of each function with its queue-proxy, the dearest first."""
    proxy = Need(*TABLE["queueProxy"])
    services = [i for i in found if i["kind"] == "Service" and i["apiVersion"].startswith("serving.")]
    each = [total(need(box["resources"]) for pod in pods(s) for box in pod["containers"]) for s in services]
    return sorted((one + proxy for one in each), key=lambda one: (one.cpu, one.memory), reverse=True)


def always_on(found: list[Object]) -> Iterator[Need]:
    """Brokers and the operators beside them, and whatever else of ours never goes to zero."""
    for item in found:
        spec = item.get("spec", {})
        if item["kind"] == "KafkaNodePool":
            yield need(spec["resources"], times=spec["replicas"])
        if item["kind"] == "Kafka":
            for operator in ("topicOperator", "userOperator"):
                yield need(spec["entityOperator"].get(operator, {}).get("resources", {}))
            yield need(spec.get("kafkaExporter", {}).get("resources", {}))
        if item["kind"] in ("Deployment", "StatefulSet"):
            boxes = [box for pod in pods(item) for box in pod["containers"]]
            yield from (need(box["resources"], times=spec.get("replicas", 1)) for box in boxes)


def jobs(found: list[Object]) -> Need:
    """The largest job: they run one after the other."""
    each = [
        need(box["resources"])
        for item in found
        if item["kind"] in ("Job", "CronJob")
        for pod in pods(item)
        for box in pod["containers"]
    ]
    return Need(max((n.cpu for n in each), default=0), max((n.memory for n in each), default=0))


def parts(profile: str) -> dict[str, Need]:
    """Everything that the profile installs, by name."""
    chosen, found = TABLE["profiles"][profile], objects(profile)
    named = {name: component(name, chosen["cpuCap"]) for name in chosen["components"]}
    ours = {
        "ours, always on": total(always_on(found)),
        f"functions, {chosen['awake']} awake": total(functions(found)[: chosen["awake"]]),
        "one job": jobs(found),
    }
    return named | ours


def table() -> Iterator[str]:
    """What `python -m tests.contract.manifests.footprint` prints."""
    for profile, row in TABLE["profiles"].items():
        found = parts(profile)
        yield f"{profile}: limits {row['limits']}"
        for name, one in [*found.items(), ("total", total(found.values()))]:
            yield f"  {name:28} {one.cpu:6.0f} m {one.memory:8.0f} Mi"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
