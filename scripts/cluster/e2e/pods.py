"""Watches the pods of the namespace for as long as the cases run: what is there, how containers ended.

One `kubectl get --watch` in a thread; the cases ask it instead of polling, which would cost a process each.
"""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.cluster.e2e.memory import limits
from scripts.cluster.kubectl import items
from scripts.cluster.options import NAMESPACE

SERVICE = "serving.knative.dev/service"


@dataclass(frozen=True)
class Ended:
    """A container that has ended; `service` is "" for pods that are no function's."""

    pod: str
    service: str
    container: str
    code: int
    reason: str


class Pods:
    """The pods now, and every container that has ended since it was opened."""

    def __init__(self) -> None:
        self._pods: dict[str, Mapping[str, Any]] = {}
        self._ended: dict[tuple[str, str, str], Ended] = {}
        self._limits: dict[str, float] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Knows every pod when it returns: a case that waits for zero must not find it in an empty list."""
        for pod in items("pods", "--namespace", NAMESPACE):
            self.see("ADDED", pod)
        command = ("kubectl", "get", "pods", "--namespace", NAMESPACE, "--watch", "--output-watch-events")
        self._process = subprocess.Popen((*command, "-o", "json"), stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        if self._thread is not None:
            self._thread.join()

    def see(self, kind: str, pod: Mapping[str, Any]) -> None:
        """One event of the watch."""
        name = pod["metadata"]["name"]
        with self._lock:
            self._limits |= limits(pod)
            for ended in endings(pod):
                self._ended[(ended.pod, ended.container, ended.reason)] = ended
            if kind == "DELETED":
                self._pods.pop(name, None)
            else:
                self._pods[name] = pod

    def of(self, service: str) -> list[Mapping[str, Any]]:
        """The pods of a function that are not being ended."""
        with self._lock:
            return [
                pod
                for pod in self._pods.values()
                if pod["metadata"].get("labels", {}).get(SERVICE) == service
                and "deletionTimestamp" not in pod["metadata"]
            ]

    def ready(self, service: str) -> list[str]:
        """The names of the function's pods that take requests."""
        return [pod["metadata"]["name"] for pod in self.of(service) if is_ready(pod)]

    def awake(self) -> set[str]:
        """The functions with a pod that is neither being ended nor waiting for an image that nobody has."""
        with self._lock:
            pods = list(self._pods.values())
        return {
            str(pod["metadata"]["labels"][SERVICE])
            for pod in pods
            if SERVICE in pod["metadata"].get("labels", {})
            and "deletionTimestamp" not in pod["metadata"]
            and not lacks_image(pod)
        }

    def ended(self) -> list[Ended]:
        with self._lock:
            return list(self._ended.values())

    def limits(self) -> dict[str, float]:
        """The memory limit of every container that was seen, in MiB, by `memory.service_of` and its name."""
        with self._lock:
            return dict(self._limits)

    def _follow(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:  # an event each
            event = json.loads(line)
            self.see(event["type"], event["object"])


def endings(pod: Mapping[str, Any]) -> Iterator[Ended]:
    """How containers of a pod have ended, now or before their last start."""
    meta = pod["metadata"]
    for status in pod.get("status", {}).get("containerStatuses", []):
        for when in ("state", "lastState"):
            terminated = status.get(when, {}).get("terminated")
            if terminated:
                yield Ended(
                    meta["name"],
                    meta.get("labels", {}).get(SERVICE, ""),
                    status["name"],
                    int(terminated["exitCode"]),
                    str(terminated.get("reason", "")),
                )


def lacks_image(pod: Mapping[str, Any]) -> bool:
    """Knative keeps such a pod for ten minutes; it never takes a request."""
    return any(
        status.get("state", {}).get("waiting", {}).get("reason") in {"ImagePullBackOff", "ErrImagePull"}
        for status in pod.get("status", {}).get("containerStatuses", [])
    )


def is_ready(pod: Mapping[str, Any]) -> bool:
    return any(
        item["type"] == "Ready" and item["status"] == "True"
        for item in pod.get("status", {}).get("conditions", [])
    )
