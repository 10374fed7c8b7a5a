"""The content of the manifests as values; made by manifests.py, read by every part of the platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scripts.local.dispatch import Policy
from scripts.local.filters import Filter
from shared.messaging.ports import Topic


class ManifestError(Exception):
    """A manifest cannot be run as it stands: file, path and reason, one per line."""


@dataclass(frozen=True)
class SecretRef:
    """A key of a Secret: `secrets/<name>/<key>` in the state directory."""

    name: str
    key: str


@dataclass(frozen=True)
class Sink:
    """Where events go: an object of the platform (with a path on it) or an absolute URI."""

    kind: Literal["Service", "KafkaSink", "Broker", "URI"]
    name: str
    path: str = "/"

    def url(self, namespace: str) -> str:
        """The address as the cluster would have it: what `knativeerrordest` and the status page show."""
        if self.kind == "URI":
            return self.name
        if self.kind == "Service":
            return f"http://{self.name}.{namespace}.svc.cluster.local{self.path}"
        ingress = "kafka-sink-ingress" if self.kind == "KafkaSink" else "kafka-broker-ingress"
        return f"http://{ingress}.knative-eventing.svc.cluster.local/{namespace}/{self.name}"


@dataclass(frozen=True)
class Service:
    """A function: its command, its readiness, how many requests it gets at once. Times in seconds."""

    name: str
    public: bool
    env: tuple[tuple[str, str | SecretRef], ...]
    command: tuple[str, ...]
    readiness: str
    concurrency: int
    timeout: float
    response_start: float
    idle_timeout: float
    idle: float
    min_scale: int


@dataclass(frozen=True)
class Delivery:
    """A delivery spec."""

    policy: Policy
    dead_letter: Sink | None


@dataclass(frozen=True)
class Feed:
    """A KafkaSource or a Trigger: topics in, events out to one sink."""

    kind: Literal["KafkaSource", "Trigger"]
    name: str
    topics: tuple[str, ...]
    group: str
    earliest: bool
    ordered: bool
    filter: Filter
    delivery: Delivery
    sink: Sink
    overrides: Mapping[str, str]
    reply_broker: str | None = None  # a Trigger's replies go to its Broker


@dataclass(frozen=True)
class Broker:
    """A Kafka Broker on an existing topic."""

    name: str
    topic: str


@dataclass(frozen=True)
class KafkaSink:
    """An HTTP door to a topic."""

    name: str
    topic: str
    structured: bool


@dataclass(frozen=True)
class Tick:
    """A PingSource."""

    name: str
    schedule: str
    timezone: str
    data: bytes | None
    content_type: str
    sink: Sink
    overrides: Mapping[str, str]


@dataclass(frozen=True)
class Wiring:
    """Everything the manifests declare, by name."""

    namespace: str
    services: Mapping[str, Service]
    feeds: tuple[Feed, ...]
    brokers: Mapping[str, Broker]
    sinks: Mapping[str, KafkaSink]
    ticks: Mapping[str, Tick]
    topics: Mapping[str, Topic]
