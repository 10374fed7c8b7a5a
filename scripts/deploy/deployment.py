"""One deployment: the checks before it, the installation, and the way back."""

import json
from collections.abc import Callable
from pathlib import Path

from scripts.deploy import difference, evidence, preflight, ready, release
from scripts.deploy.errors import Failed, Refused
from scripts.deploy.tools import Tools

_FOR = ("--kube-version", "v1.34.0")  # a client that is older than the chart's floor renders all the same
_SECURITY = ("enforce", "audit", "warn")


def _say(line: str) -> None:
    print(line, flush=True)  # who reads a pipe waits for it


class Deployment:
    """`given` are Helm's arguments for the values; made by `command`, which calls `check` first."""

    def __init__(
        self,
        tools: Tools,
        name: str,
        chart: Path,
        given: list[str],
        *,
        seconds: int,
        wait: Callable[..., list[ready.State]] = ready.wait,
    ) -> None:
        self._wait_for = wait
        self._tools, self._name, self._chart = tools, name, chart
        self._given, self._seconds = given, seconds
        self._objects: preflight.Objects = []
        self._before = release.NEVER

    def check(self) -> None:
        """Refused, in one line, for everything that can be known before a change."""
        self._objects = difference.objects(self._template())
        self._check_cluster()
        self._before = release.read(self._tools, self._name)
        release.check(self._before, self._name)

    def differences(self) -> list[str]:
        """Against what is deployed; hooks are not part of what Helm stores there."""
        stored = self._tools.run_helm("get", "manifest", self._name)
        return difference.differences("" if stored.code else stored.out, self._template("--no-hooks"))

    def install(self) -> None:
        """Ready when it returns; Failed when not, with what ran before running again."""
        self._make_namespace()
        # No --wait: it knows nothing of Knative's objects, and of a volume that waits for its first pod it
        # waits in vain. Helm waits for the hooks in any case. No --rollback-on-failure: it would remove the
        # evidence before anybody has seen it, and Helm 3 calls it otherwise.
        answer = self._tools.run_helm(
            *("upgrade", "--install", self._name, str(self._chart), *self._given),
            *("--timeout", f"{self._seconds}s", "--history-max", "20"),
            seconds=self._seconds * 2,
        )
        if answer.code:
            self._give_up([], preflight.explained(answer.error))
        waiting = self._wait(self._seconds)
        if waiting:
            self._give_up(waiting, "not everything became ready")

    def _template(self, *more: str) -> str:
        return preflight.rendered(
            self._tools.run_helm(
                "template", self._name, str(self._chart), *self._given, *_FOR, *more, seconds=60
            )
        ).out

    def _check_cluster(self) -> None:
        version = self._tools.run_kubectl("version", "--output", "json")
        preflight.check_version(preflight.cluster_version(version))
        wanted = preflight.kinds(self._objects)
        absent = preflight.missing_kinds(wanted, preflight.served_kinds(self._tools, wanted))
        if absent:
            raise Refused(f"the cluster does not know {'; '.join(absent)}")
        self._check_secrets()

    def _check_secrets(self) -> None:
        for kind, name in preflight.stores_and_issuers(self._objects):
            answer = self._tools.run_kubectl("get", kind.lower(), name, "--namespace", self._tools.namespace)
            if answer.code:
                reason = preflight.explained(answer.error)
                raise Refused(
                    f"{kind} {name} cannot be used ({reason}): create it, or name another in the values"
                )
        needed = preflight.secret_keys(self._objects)
        there = {
            found["metadata"]["name"]: list(found.get("data") or ())
            for found in (self._tools.objects("secrets") if needed else [])
        }
        lacking = preflight.missing_secrets(needed, there)
        if lacking:
            raise Refused(
                f"namespace {self._tools.namespace} lacks {'; '.join(lacking)}: "
                "create them as charts/todo-app/README.md says, or set secrets.mode=external"
            )

    def _make_namespace(self) -> None:
        """With the labels of Pod Security; one that is there keeps the labels that it has."""
        if self._tools.run_kubectl("get", "namespace", self._tools.namespace).code == 0:
            return
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in _SECURITY}
        metadata = {"name": self._tools.namespace, "labels": labels}
        text = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        answer = self._tools.run_kubectl("create", "--filename", "-", given=text)
        if answer.code and "AlreadyExists" not in answer.error:
            raise Refused(f"namespace {self._tools.namespace}: {preflight.explained(answer.error)}")

    def _wait(self, seconds: float) -> list[ready.State]:
        names = ready.wanted_names(self._objects)
        return self._wait_for(lambda: ready.states(self._tools, names), seconds=seconds, say=_say)

    def _give_up(self, waiting: list[ready.State], reason: str) -> None:
        """Collect the evidence, then go back; the way back removes some of it."""
        for line in evidence.gather(self._tools, waiting):
            _say(line)
        if not self._before.good:
            raise Failed(
                f"{reason}; release {self._name} has never been ready and stays for inspection: "
                f"deploy again, or helm uninstall {self._name} --namespace {self._tools.namespace}"
            )
        release.roll_back(self._tools, self._name, self._before.good, seconds=self._seconds)
        self._objects = difference.objects(self._tools.run_helm("get", "manifest", self._name).out)
        behind = self._wait(self._seconds)
        state = "is serving again" if not behind else f"waits for {', '.join(s.name for s in behind)}"
        raise Failed(f"{reason}; rolled back to revision {self._before.good}, which {state}")
