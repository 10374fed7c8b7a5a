"""`scripts/teardown-local.sh`: takes an installation away in the order that leaves no finalizer behind.

First what reads (sources, Triggers), then what is read (topics), both while their controllers live; then the
release, then the parts that only a local cluster has, then the namespace. Operators stay: other things on the
cluster may use them. A cluster of our own is deleted whole on demand.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.cluster import own
from scripts.cluster.kubectl import CommandFailed, items, kubectl, names, run
from scripts.cluster.options import NAMESPACE, RELEASE, Options, teardown_options

# In this order; a kind that the cluster does not know is passed over.
READERS = (
    "kafkasources.sources.knative.dev",
    "pingsources.sources.knative.dev",
    "triggers.eventing.knative.dev",
    "brokers.eventing.knative.dev",
    "kafkasinks.eventing.knative.dev",
)
TOPICS = ("kafkatopics.kafka.strimzi.io", "kafkausers.kafka.strimzi.io")
_PATIENCE = 180.0


@dataclass(frozen=True)
class Step:
    """`work` returns what it removed."""

    name: str
    work: Callable[[], Sequence[str]]


def main(arguments: Sequence[str]) -> int:
    """0 when nothing of it is left; 1 with the line that names what could not be removed."""
    options = teardown_options(arguments)
    try:
        if options.delete_cluster and options.cluster != "current":
            own.delete(options)
            print(f"removed the whole {options.cluster} cluster")
            return 0
        for step in steps(options):
            gone = step.work()
            print(f"done   {step.name:<10} {', '.join(gone) or 'nothing to remove'}", flush=True)
    except CommandFailed as error:
        print(f"STOP   {error}; correct that and run the same command again", file=sys.stderr)
        return 1
    return 0


def steps(_options: Options) -> list[Step]:
    """All that main() does to an installation, in order."""
    return [
        Step("sources", lambda: _delete_kinds(READERS)),
        Step("stand-in", lambda: _delete("deployments", "taskflow-data-plane")),
        Step("topics", lambda: _delete_kinds(TOPICS)),
        Step("release", _uninstall),
        Step("claims", lambda: _delete_kinds(("persistentvolumeclaims",))),
        Step("namespace", _delete_namespace),
    ]


def _delete_kinds(kinds: Sequence[str]) -> list[str]:
    gone = []
    for kind in kinds:
        found = names(kind)
        if not found:
            continue
        kubectl("delete", kind, "--all", "--namespace", NAMESPACE, "--timeout=120s", seconds=_PATIENCE)
        gone += [f"{kind.partition('.')[0]} {name}" for name in sorted(found)]
    return gone


def _delete(kind: str, name: str) -> list[str]:
    if name not in names(kind):
        return []
    kubectl("delete", kind, name, "--namespace", NAMESPACE, "--timeout=120s", seconds=_PATIENCE)
    return [f"{kind} {name}"]


def _uninstall() -> list[str]:
    # Helm 3 lists no release in the middle of something without --all, and Helm 4 has no --all.
    if not items("secrets", "--namespace", NAMESPACE, "--selector", f"owner=helm,name={RELEASE}"):
        return []
    run("helm", "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "5m", seconds=360)
    return [f"release {RELEASE}"]


def _delete_namespace() -> list[str]:
    if NAMESPACE not in {item["metadata"]["name"] for item in items("namespaces")}:
        return []
    kubectl("delete", "namespace", NAMESPACE, "--timeout=240s", seconds=300)
    return [f"namespace {NAMESPACE}"]
