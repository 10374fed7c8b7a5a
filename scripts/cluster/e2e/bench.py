"""What every case of e2e-cluster works with: the doors, the database, the watch, the ways to disturb."""

import json
import shlex
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.cluster import objects, release
from scripts.cluster.api import Door, eventually
from scripts.cluster.e2e.load import Sent
from scripts.cluster.e2e.memory import Memory
from scripts.cluster.e2e.pods import Pods
from scripts.cluster.e2e.results import Broke, NotToBeHad
from scripts.cluster.kubectl import CommandFailed, items, kubectl, run
from scripts.cluster.options import NAMESPACE, Options
from scripts.local.issuer import Issuer

FUNCTIONS = ("tasks", "recurrence", "reminders", "notifications", "audit", "updates", "relay")
_ASLEEP = 240.0  # the longest window and delay of any function, and the autoscaler's own grace


@dataclass(frozen=True)
class Commands:
    """What only the cluster's owner can do, as commands; None when it cannot be done from here.

    `kill_container` gets the id of a container, as the runtime has it.
    """

    restart_broker: str | None = None
    kill_container: str | None = None


class Bench:
    """One run's surroundings."""

    def __init__(
        self, options: Options, commands: Commands, issuer: Issuer, gateway: str, hosts: Mapping[str, str]
    ) -> None:
        self.options, self.commands = options, commands
        self.pods, self.memory = Pods(), Memory()
        self._issuer, self._gateway, self._hosts = issuer, gateway, hosts

    def door(self, service: str = "tasks", user: str | None = None) -> Door:
        """As a user; somebody new when nobody is named."""
        name = user or f"e2e-{uuid.uuid4()}"
        return Door(self._gateway, self._hosts[service], self._issuer.token(name))

    def plain_door(self, url: str) -> Door:
        """Any other Service, without a token."""
        return Door(self._gateway, str(urlsplit(url).hostname))

    def query(self, statement: str) -> list[list[Any]]:  # Any: rows
        """Rows of the database."""
        place = ("--namespace", NAMESPACE, f"deployment/{objects.DATABASE}")
        output = kubectl("exec", *place, "--", "python", "-m", "scripts.cluster.query", statement)
        rows: list[list[Any]] = json.loads(output)
        return rows

    def stored(self, sent: Sequence[Sent]) -> int:
        """How many of the acknowledged writes are rows, each counted once."""
        titles = [item.title for item in sent if item.status == 201]
        found = 0
        for place in range(0, len(titles), 500):
            listed = ",".join(f"'{title}'" for title in titles[place : place + 500])
            found += int(self.query(f"select count(*) from tasks where title in ({listed})")[0][0])  # noqa: S608  # our own titles
        return found

    def asleep(self, services: Sequence[str] = FUNCTIONS, *, seconds: float = _ASLEEP) -> None:
        """Waits until none of them has a pod that takes requests; one that is being ended takes none."""
        eventually(
            f"{', '.join(services)} at zero",
            lambda: not self.pods.awake() & set(services),
            seconds=seconds,
            pause=0.05,
        )

    def awake(self, service: str, count: int = 1, *, seconds: float = 120.0) -> list[str]:
        """Waits for pods that take requests; their names."""
        return eventually(
            f"{count} ready pods of {service}",
            lambda: found if len(found := self.pods.ready(service)) >= count else None,
            seconds=seconds,
            pause=0.05,
        )

    def lag(self) -> int:
        """Events that no consumer has had yet, where the data plane's stand-in counts them."""
        document = self.stand_in()
        rows = [*document["sources"].values(), *document["triggers"].values()]
        return sum(int(row["lag"]) for row in rows)

    def stand_in(self) -> Any:  # Any: its status document
        """The stand-in's status, by the API server's proxy."""
        if objects.STAND_IN not in {
            item["metadata"]["name"] for item in items("deployments", "-n", NAMESPACE)
        }:
            raise NotToBeHad("the real data plane shows no lag over HTTP")
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{objects.STAND_IN}:80/proxy/status.json"
        return json.loads(kubectl("get", "--raw", path))

    def install(self, change: Mapping[str, Any], *, seconds: int = 300) -> str:
        """scripts/helm-deploy with one value changed; "" or, when it gave up, its last words."""
        wanted = merged(release.recorded(), change)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                release.install(release.write(wanted, Path(scratch)), seconds=seconds)
            except CommandFailed as error:
                return str(error)
        return ""

    def end_pods(self, names: Sequence[str]) -> None:
        """As a rollout or a drained node does: SIGTERM and its grace."""
        for name in names:
            kubectl("delete", "pod", name, "--namespace", NAMESPACE, "--wait=false")

    def kill_pods(self, names: Sequence[str]) -> None:
        """As a lost node does: no grace."""
        for name in names:
            kubectl("delete", "pod", name, "--namespace", NAMESPACE, "--grace-period=0", "--force")

    def can_kill(self) -> None:
        """Raises NotToBeHad when nobody said how."""
        if not self.commands.kill_container:
            raise NotToBeHad("a container is killed on its node: give --kill-container COMMAND")

    def kill_container(self, pod: Mapping[str, Any]) -> str:  # Any: an object
        """SIGKILL to the function's process, as a kernel without memory does."""
        assert self.commands.kill_container, "can_kill comes first"
        states = pod["status"]["containerStatuses"]
        identity = next(item["containerID"] for item in states if item["name"] == "function")
        run(*shlex.split(self.commands.kill_container), identity.rpartition("/")[2])
        return str(pod["metadata"]["name"])

    def complaint(self, trigger: str) -> str:
        """The last thing that a delivery of this Trigger complained of."""
        error = self.stand_in()["triggers"][trigger]["last_error"]
        return str(error["message"]) if error else "nothing"

    def restart_broker(self) -> None:
        """By the command that was given."""
        if not self.commands.restart_broker:
            raise NotToBeHad("the broker is no pod of this namespace: give --restart-broker COMMAND")
        run(*shlex.split(self.commands.restart_broker))

    def check_stored(self, sent: Sequence[Sent], figures: dict[str, str]) -> None:
        """Acknowledged means stored, once."""
        acknowledged = sum(item.status == 201 for item in sent)
        rows = self.stored(sent)
        figures["acknowledged"], figures["rows"] = str(acknowledged), str(rows)
        if rows != acknowledged:
            raise Broke(f"{acknowledged} writes were acknowledged, {rows} are stored", figures)


def merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The values with a change laid over them."""
    found = dict(values)
    for name, value in change.items():
        below = found.get(name)
        found[name] = (
            merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return found


def pause(seconds: float) -> None:
    """A plain wait, for what has no event to wait for."""
    time.sleep(seconds)
