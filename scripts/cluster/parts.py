"""Which parts of the platform a cluster has, and what is done about those that it lacks.

`present` asks the cluster; `shortfall` decides. Serving and Eventing cannot be replaced; what only adds a
controller can, for one run on a developer's cluster, and is named in one line each.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from scripts.cluster.kubectl import items, names
from scripts.cluster.options import Options

# part → the custom resource that its controller brings
CRDS: Mapping[str, str] = {
    "Knative Serving": "services.serving.knative.dev",
    "Knative Eventing": "pingsources.sources.knative.dev",
    "KafkaSource": "kafkasources.sources.knative.dev",
    "KafkaSink": "kafkasinks.eventing.knative.dev",
    "Strimzi": "kafkatopics.kafka.strimzi.io",
    "cert-manager": "certificates.cert-manager.io",
    "External Secrets": "externalsecrets.external-secrets.io",
}
# part → (namespace, deployment) where the custom resource alone does not tell
PROGRAMS: Mapping[str, tuple[str, str]] = {
    "Kafka Broker": ("knative-eventing", "kafka-broker-receiver"),
    "Kourier": ("kourier-system", "3scale-kourier-gateway"),
}
STORAGE = "StorageClass"
_STAND_IN = "replaced by the data plane stand-in, a pod that runs the local platform's delivery code"


@dataclass(frozen=True)
class Shortfall:
    """`replaced`: one line for each part that this run does without; `fatal`: what stops it, with the fix."""

    replaced: tuple[str, ...]
    fatal: tuple[str, ...]


def present() -> frozenset[str]:
    """The parts that the current cluster has."""
    crds = names("customresourcedefinitions", namespace=None)
    found = {part for part, crd in CRDS.items() if crd in crds}
    for part, (namespace, program) in PROGRAMS.items():
        if program in names("deployments", namespace=namespace):
            found.add(part)
    default = "storageclass.kubernetes.io/is-default-class"
    if any(
        item["metadata"].get("annotations", {}).get(default) == "true" for item in items("storageclasses")
    ):
        found.add(STORAGE)
    return frozenset(found)


def shortfall(have: AbstractSet[str], options: Options) -> Shortfall:
    """What to do about everything that is not there."""
    fatal = [
        f"{part} is not installed (no {CRDS[part]}): install it, or let --cluster minikube or kind do so"
        for part in ("Knative Serving", "Knative Eventing")
        if part not in have
    ]
    replaced = [
        f"{part} is not installed: {_STAND_IN}"
        for part in ("KafkaSource", "KafkaSink", "Kafka Broker")
        if part not in have
    ]
    if "Strimzi" not in have:
        if options.kafka:
            by = f"Kafka is {options.kafka}, its topics are created by a Job of the release"
            replaced.append(f"Strimzi is not installed: {by}")
        else:
            fatal.append("Strimzi is not installed: install it, or name a Kafka with --kafka HOST:PORT")
    if "Kourier" not in have:
        if options.ingress:
            replaced.append(f"Kourier is not installed: requests go through {options.ingress}")
        else:
            fatal.append("Kourier is not installed: name the cluster's gateway with --ingress URL")
    if "cert-manager" not in have:
        line = "cert-manager is not installed"
        if options.profile == "full":
            fatal.append(f"{line}, which profile full needs: install it, or choose --profile core")
        else:
            replaced.append(f"{line}: plain HTTP, as always in profile core")
    if STORAGE not in have:
        replaced.append(
            "no default StorageClass: PostgreSQL keeps its data in its pod and loses it with the pod"
        )
    if "External Secrets" not in have:
        replaced.append(
            "External Secrets is not installed: Secrets are generated once and kept in the cluster"
        )
    return Shortfall(tuple(replaced), tuple(fatal))


def needs_stand_in(have: AbstractSet[str]) -> bool:
    """All three or none: a topic must not have two data planes."""
    return not {"KafkaSource", "KafkaSink", "Kafka Broker"} <= set(have)
