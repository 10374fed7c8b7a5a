"""Decides from their conditions whether the installed objects work. Helm does not know Knative's objects."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.deploy.tools import Tools

# What must become ready, in the order of a report. DomainMappings wait for DNS and certificates of others.
KINDS = {
    "Service": "services.serving.knative.dev",
    "Kafka": "kafkas.kafka.strimzi.io",
    "KafkaTopic": "kafkatopics.kafka.strimzi.io",
    "KafkaUser": "kafkausers.kafka.strimzi.io",
    "Broker": "brokers.eventing.knative.dev",
    "Trigger": "triggers.eventing.knative.dev",
    "KafkaSink": "kafkasinks.eventing.knative.dev",
    "KafkaSource": "kafkasources.sources.knative.dev",
    "PingSource": "pingsources.sources.knative.dev",
}
PATIENCE = 45.0  # seconds that Ready may be False: controllers say so in passing, too
POLL = 2.0
Object = Mapping[str, Any]  # as the API server has it


@dataclass(frozen=True)
class State:
    """The state of one object. `verdict` is True, False, or None while it is unknown."""

    name: str
    verdict: bool | None
    reason: str


def state(found: Object) -> State:
    """A condition counts only when the controller has seen the present generation."""
    status = found.get("status") or {}
    name = f"{found['kind']} {found['metadata']['name']}"
    condition: Mapping[str, Any] = next(
        (each for each in status.get("conditions", ()) if each.get("type") == "Ready"), {}
    )
    reason = (
        ": ".join(filter(None, (condition.get("reason"), condition.get("message")))) or "no condition yet"
    )
    current = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    if not current:
        return State(name, None, "its controller has not seen the change")
    verdict = {"True": True, "False": False}.get(condition.get("status", ""))
    if found["kind"] == "Service" and verdict:
        wanted = found["spec"]["template"]["metadata"].get("name")
        if wanted and status.get("latestReadyRevisionName") != wanted:
            return State(name, None, f"revision {wanted} is not ready")
    return State(name, verdict, " ".join(reason.split()))


def absent(wanted: Iterable[str], states: Iterable[State]) -> list[State]:
    """`wanted` are "Kind name"; what the cluster does not have is not ready either."""
    present = {each.name for each in states}
    return [State(name, None, "is not there yet") for name in wanted if name not in present]


def states(tools: Tools, wanted: Iterable[str]) -> list[State]:
    """Of everything in `wanted`, now."""
    names = set(wanted)
    found = [
        state(each)
        for kind in sorted({name.partition(" ")[0] for name in names})
        for each in tools.objects(KINDS[kind])
    ]
    ours = [each for each in found if each.name in names]
    return ours + absent(sorted(names), ours)


def wanted_names(objects: Iterable[Object]) -> list[str]:
    """Of the objects of a render that have to become ready."""
    return sorted(
        f"{o['kind']} {o['metadata']['name']}"
        for o in objects
        if o["kind"] in KINDS and not (o["kind"] == "Service" and o["apiVersion"] == "v1")
    )


def wait(
    look: Callable[[], list[State]],
    *,
    seconds: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[State]:
    """The states that are not ready in the end; none is success. Ends early when a failure persists."""
    began, told = clock(), -1
    failing_since: dict[str, float] = {}
    while True:
        now = look()
        waiting = [each for each in now if each.verdict is not True]
        if len(now) - len(waiting) != told:
            told = len(now) - len(waiting)
            say(f"{told} of {len(now)} objects are ready")
        if not waiting:
            return []
        moment = clock()
        failing_since = {
            each.name: failing_since.get(each.name, moment) for each in waiting if each.verdict is False
        }
        persistent = any(moment - since >= PATIENCE for since in failing_since.values())
        if persistent or moment - began >= seconds:
            return waiting
        sleep(POLL)
