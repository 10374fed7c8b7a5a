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
DATA_PLANE = ("KafkaSource", "KafkaSink", "Kafka Broker")
_STAND_IN = "replaced by the data plane stand-in, a pod that runs the local platform's delivery code"

_SMALL: Mapping[str, str] = {
    STORAGE: "no default StorageClass: PostgreSQL keeps its data in its pod and loses it with the pod",
    "External Secrets": "External Secrets is not installed: Secrets are made once and kept in the cluster",
}


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
    replaced = [f"{part} is not installed: {_STAND_IN}" for part in DATA_PLANE if part not in have]
    for part, (named, instead, fix) in _named(options).items():
        if part not in have and named:
            replaced.append(f"{part} is not installed: {instead}")
        elif part not in have:
            fatal.append(f"{part} is not installed: {fix}")
    return Shortfall((*replaced, *(line for part, line in _SMALL.items() if part not in have)), tuple(fatal))


def _named(options: Options) -> Mapping[str, tuple[bool, str, str]]:
    """Parts that options replace: whether they do, by what, and else what to do."""
    topics = f"Kafka is {options.kafka}, its topics are created by a Job of the release"
    return {
        "Strimzi": (bool(options.kafka), topics, "install it, or name a Kafka with --kafka HOST:PORT"),
        "Kourier": (
            bool(options.ingress),
            f"requests go through {options.ingress}",
            "name the cluster's gateway with --ingress URL",
        ),
        "cert-manager": (
            options.profile != "full",
            "plain HTTP, as always in profile core",
            "profile full needs it: install it, or choose --profile core",
        ),
    }


def needs_stand_in(have: AbstractSet[str]) -> bool:
    """All three or none: a topic must not have two data planes."""
    return not set(DATA_PLANE) <= set(have)
