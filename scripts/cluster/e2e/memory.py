"""Samples the memory of the containers while the cases run, from the kubelets' own summary."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from scripts.cluster.capacity import quantity
from scripts.cluster.kubectl import CommandFailed, items, kubectl
from scripts.cluster.options import NAMESPACE

_EVERY = 5.0


class Memory:
    """The largest working set of every container by the name of its function, in MiB."""

    def __init__(self) -> None:
        self._peaks: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._nodes: list[str] = []

    def open(self) -> None:
        self._nodes = [node["metadata"]["name"] for node in items("nodes")]
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def peaks(self) -> Mapping[str, float]:
        return dict(self._peaks)

    def see(self, summary: Mapping[str, Any]) -> None:
        """One summary of a node."""
        for pod in summary.get("pods", []):
            reference = pod["podRef"]
            if reference["namespace"] != NAMESPACE:
                continue
            for container in pod.get("containers", []):
                size = container.get("memory", {}).get("workingSetBytes", 0) / 2**20
                key = f"{service_of(reference['name'])}/{container['name']}"
                self._peaks[key] = max(size, self._peaks.get(key, 0.0))

    def _sample(self) -> None:
        while not self._stop.wait(_EVERY):
            for node in self._nodes:
                try:
                    self.see(json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary")))
                except (CommandFailed, ValueError):  # a sample is missed, the next one is not
                    continue


def service_of(pod: str) -> str:
    """`tasks-1a2b3c4d-deployment-7c9f…` → `tasks`; other pods lose what their Deployment adds."""
    head, separator, _ = pod.partition("-deployment-")
    return head.rpartition("-")[0] if separator else pod.rpartition("-")[0].rpartition("-")[0]


def limits(pod: Mapping[str, Any]) -> dict[str, float]:
    """The memory limit of every container that has one, in MiB, under the same names as the peaks."""
    service = service_of(pod["metadata"]["name"])
    return {
        f"{service}/{container['name']}": quantity(limit) / 2**20
        for container in pod["spec"]["containers"]
        if (limit := container.get("resources", {}).get("limits", {}).get("memory"))
    }
