"""What a person needs to see when a deployment fails: conditions, pods, jobs' last words, warnings."""

from collections.abc import Iterable, Mapping
from typing import Any

from scripts.deploy.ready import State
from scripts.deploy.tools import Tools

_JOBS = ("taskflow-migrate", "taskflow-topics")
_EVENTS = 15
_LINES = 20


def gather(tools: Tools, waiting: Iterable[State]) -> list[str]:
    """Lines, most telling first."""
    lines = [f"{each.name}: {each.reason}" for each in waiting]
    pods = tools.objects("pods")
    lines += [line for pod in pods for line in pod_lines(pod)]
    for job in _JOBS:
        if tools.objects("jobs", "--field-selector", f"metadata.name={job}"):
            answer = tools.run_kubectl(
                "logs", f"job/{job}", "--namespace", tools.namespace, f"--tail={_LINES}"
            )
            lines += [f"job {job}: {line}" for line in answer.out.splitlines()]
    return lines + event_lines(tools.objects("events", "--field-selector", "type=Warning"))


def pod_lines(pod: Mapping[str, Any]) -> list[str]:
    """Containers that wait for a reason or ended badly."""
    lines = []
    for status in (pod.get("status") or {}).get("containerStatuses", ()):
        for kind in ("waiting", "terminated"):
            told = (status.get("state") or {}).get(kind) or {}
            if told.get("reason") not in (None, "ContainerCreating", "PodInitializing", "Completed"):
                message = " ".join(str(told.get("message", "")).split())
                lines.append(
                    f"pod {pod['metadata']['name']}, {status['name']}: {told['reason']} {message}".rstrip()
                )
    return lines


def event_lines(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """The newest warnings, oldest first, each once."""
    ordered = sorted(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    lines = [
        f"event {e['involvedObject']['kind']} {e['involvedObject']['name']}: {e.get('reason')}: "
        + " ".join(str(e.get("message", "")).split())
        for e in ordered
    ]
    return list(dict.fromkeys(lines))[-_EVENTS:]
