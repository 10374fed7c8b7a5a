"""The table of manifest fields: implemented, or accepted without effect; fields that are not here are
rejected.

manifests.py refuses a file with a field that is not here, so that no field is ignored without a message.
`python -m scripts.local.fields` prints the table of docs/local-platform.md, which a test compares.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

IMPLEMENTED = ""


@dataclass(frozen=True)
class Problem:
    """A field that the platform does not know, and why it is refused."""

    path: str
    reason: str


_IDENTITY = {
    "apiVersion": IMPLEMENTED,
    "kind": IMPLEMENTED,
    "metadata.name": IMPLEMENTED,
    "metadata.namespace": IMPLEMENTED,
    "metadata.labels[*]": "labels select nothing here",
}
_REF = ("ref.apiVersion", "ref.kind", "ref.name", "ref.namespace", "uri")
_DELIVERY = {
    **dict.fromkeys(
        [
            "delivery.retry",
            "delivery.backoffPolicy",
            "delivery.backoffDelay",
            "delivery.timeout",
            *(f"delivery.deadLetterSink.{part}" for part in _REF),
        ],
        IMPLEMENTED,
    ),
    "delivery.format": "the Kafka data plane ignores it too",
}


def _spec(*tables: Mapping[str, str]) -> dict[str, str]:
    return {f"spec.{path}": reason for table in tables for path, reason in table.items()}


_SCALE = "spec.template.metadata.annotations"
_POD = "spec.template.spec"
_BOX = f"{_POD}.containers[]"
_ONE = "at most one process per Service here"
_LOCAL = "a process on this machine, not a container"

FIELDS: dict[str, dict[str, str]] = {
    "serving.knative.dev/v1 Service": {
        **_IDENTITY,
        'metadata.labels["networking.knative.dev/visibility"]': IMPLEMENTED,
        "metadata.annotations[*]": "read by cluster tools only",
        "spec.template.metadata.labels[*]": "labels select nothing here",
        f'{_SCALE}["autoscaling.knative.dev/min-scale"]': IMPLEMENTED,
        f'{_SCALE}["autoscaling.knative.dev/window"]': IMPLEMENTED,
        f'{_SCALE}["autoscaling.knative.dev/scale-down-delay"]': IMPLEMENTED,
        f'{_SCALE}["autoscaling.knative.dev/scale-to-zero-pod-retention-period"]': IMPLEMENTED,
        f'{_SCALE}["autoscaling.knative.dev/max-scale"]': _ONE,
        f'{_SCALE}["autoscaling.knative.dev/activation-scale"]': _ONE,
        f'{_SCALE}["autoscaling.knative.dev/target"]': _ONE,
        f'{_SCALE}["autoscaling.knative.dev/target-utilization-percentage"]': _ONE,
        f'{_SCALE}["autoscaling.knative.dev/target-burst-capacity"]': "every request is activated here",
        f'{_SCALE}["autoscaling.knative.dev/initial-scale"]': "a Service starts at zero (or min-scale) here",
        f'{_SCALE}["dapr.io/enabled"]': "no sidecar injector here",
        f"{_POD}.containerConcurrency": IMPLEMENTED,
        f"{_POD}.timeoutSeconds": IMPLEMENTED,
        f"{_POD}.responseStartTimeoutSeconds": IMPLEMENTED,
        f"{_POD}.idleTimeoutSeconds": IMPLEMENTED,
        f"{_POD}.serviceAccountName": "no Kubernetes API here",
        f"{_POD}.enableServiceLinks": "no Kubernetes API here",
        f"{_POD}.volumes[].name": _LOCAL,
        f"{_POD}.volumes[].emptyDir.**": "the process uses the machine's own /tmp",
        f"{_BOX}.name": _LOCAL,
        f"{_BOX}.image": "runs the code of this working tree",
        f"{_BOX}.imagePullPolicy": "runs the code of this working tree",
        f"{_BOX}.command[]": IMPLEMENTED,
        f"{_BOX}.args[]": IMPLEMENTED,
        f"{_BOX}.ports[].name": "only HTTP/1.1 here",
        f"{_BOX}.ports[].containerPort": "the platform picks a free port and sets PORT",
        f"{_BOX}.env[].name": IMPLEMENTED,
        f"{_BOX}.env[].value": IMPLEMENTED,
        f"{_BOX}.env[].valueFrom.secretKeyRef.name": IMPLEMENTED,
        f"{_BOX}.env[].valueFrom.secretKeyRef.key": IMPLEMENTED,
        f"{_BOX}.readinessProbe.httpGet.path": IMPLEMENTED,
        f"{_BOX}.readinessProbe.httpGet.port": "the serving port",
        f"{_BOX}.readinessProbe.periodSeconds": "probed every 20 ms while it starts, not afterwards",
        f"{_BOX}.readinessProbe.timeoutSeconds": "probed every 20 ms while it starts, not afterwards",
        f"{_BOX}.readinessProbe.failureThreshold": "a start has 60 s",
        f"{_BOX}.readinessProbe.successThreshold": "one success is enough",
        f"{_BOX}.livenessProbe.**": "a process that ends is replaced, a hung one is not",
        f"{_BOX}.startupProbe.**": "a start has 60 s",
        f"{_BOX}.resources.**": "no cgroups: the machine is the limit",
        f"{_BOX}.securityContext.**": "runs as you",
        f"{_BOX}.volumeMounts[].name": _LOCAL,
        f"{_BOX}.volumeMounts[].mountPath": _LOCAL,
    },
    "sources.knative.dev/v1 KafkaSource": {
        **_IDENTITY,
        "metadata.annotations[*]": "autoscaling of consumers: one consumer per partition here",
        **_spec(
            dict.fromkeys(
                [
                    "topics[]",
                    "consumerGroup",
                    "initialOffset",
                    "ordering",
                    "ceOverrides.extensions[*]",
                    *(f"sink.{part}" for part in _REF),
                ],
                IMPLEMENTED,
            ),
            {
                "bootstrapServers[]": "the embedded log, or the broker of --kafka",
                "consumers": "one task per partition here",
                "net.**": "loopback needs neither TLS nor SASL",
            },
            _DELIVERY,
        ),
    },
    "eventing.knative.dev/v1 Broker": {
        **_IDENTITY,
        'metadata.annotations["eventing.knative.dev/broker.class"]': IMPLEMENTED,
        'metadata.annotations["kafka.eventing.knative.dev/external.topic"]': IMPLEMENTED,
        **_spec(
            dict.fromkeys(
                ["config.apiVersion", "config.kind", "config.name", "config.namespace"], IMPLEMENTED
            ),
            _DELIVERY,
        ),
    },
    "v1 ConfigMap": {
        **_IDENTITY,
        'data["default.topic.partitions"]': "must be that of the KafkaTopic",
        'data["default.topic.replication.factor"]': "one copy here",
        'data["bootstrap.servers"]': "the embedded log, or the broker of --kafka",
        'data["auth.secret.ref.name"]': "loopback needs neither TLS nor SASL",
    },
    "eventing.knative.dev/v1 Trigger": {
        **_IDENTITY,
        'metadata.annotations["kafka.eventing.knative.dev/delivery.order"]': IMPLEMENTED,
        **_spec(
            dict.fromkeys(
                [
                    "broker",
                    "filter.attributes[*]",
                    "filters[].exact[*]",
                    "filters[].prefix[*]",
                    "filters[].suffix[*]",
                    *(f"subscriber.{part}" for part in _REF),
                ],
                IMPLEMENTED,
            ),
            _DELIVERY,
        ),
    },
    "eventing.knative.dev/v1alpha1 KafkaSink": {
        **_IDENTITY,
        "spec.topic": IMPLEMENTED,
        "spec.contentMode": IMPLEMENTED,
        "spec.numPartitions": "must be that of the KafkaTopic",
        "spec.replicationFactor": "one copy here",
        "spec.bootstrapServers[]": "the embedded log, or the broker of --kafka",
        "spec.auth.**": "loopback needs neither TLS nor SASL",
    },
    "kafka.strimzi.io/v1 KafkaTopic": {
        **_IDENTITY,
        "spec.partitions": IMPLEMENTED,
        "spec.replicas": "one copy here; given to the broker of --kafka",
        'spec.config["retention.ms"]': IMPLEMENTED,
        'spec.config["cleanup.policy"]': "records go by age here; given to the broker of --kafka",
        'spec.config["min.insync.replicas"]': "one copy here; given to the broker of --kafka",
    },
    "sources.knative.dev/v1 PingSource": {
        **_IDENTITY,
        **_spec(
            dict.fromkeys(
                [
                    "schedule",
                    "timezone",
                    "contentType",
                    "data",
                    "dataBase64",
                    "ceOverrides.extensions[*]",
                    *(f"sink.{part}" for part in _REF),
                ],
                IMPLEMENTED,
            ),
        ),
    },
}

_PLAIN = re.compile(r"^[A-Za-z0-9_]+$")
# all, any and not nest dialects without limit: the table names the innermost one.
_NESTED = re.compile(r"\.(?:(?:all|any)\[\]|not)(?=[.\[]|$)")


def problems(document: Mapping[str, object]) -> list[Problem]:
    """Every field of a manifest that is not in the table, with the reason."""
    kind = f"{document.get('apiVersion')} {document.get('kind')}"
    table = FIELDS.get(kind)
    if table is None:
        return [Problem("kind", f"{kind!r} is not implemented; known: {', '.join(sorted(FIELDS))}")]
    return [
        Problem(_display(path), "not implemented by the local platform (see scripts/local/fields.py)")
        for path in _leaves(document)
        if not _known(path, table)
    ]


def markdown() -> str:
    """The table for docs/local-platform.md."""
    lines = []
    for kind, table in FIELDS.items():
        lines += [f"### `{kind}`", "", "| field | here |", "|---|---|"]
        lines += [
            f"| `{path}` | {'implemented' if not reason else f'no effect: {reason}'} |"
            for path, reason in table.items()
        ]
        lines.append("")
    return "\n".join(lines)


Path = tuple[str, ...]


def _leaves(value: object, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _leaves(child, (*path, str(key)))
    elif isinstance(value, list) and value:
        for child in value:
            yield from _leaves(child, (*path, "[]"))
    else:
        yield path


def _known(path: Path, table: Mapping[str, str]) -> bool:
    shown = _NESTED.sub("", _display(path))
    if shown in table or f"{_NESTED.sub('', _display(path[:-1]))}[*]" in table:
        return True
    # an empty map or list stands for the fields below it
    if any(known.startswith((f"{shown}.", f"{shown}[")) for known in table):
        return True
    return any(f"{_display(path[:length])}.**" in table for length in range(1, len(path)))


def _display(path: Path) -> str:
    text = ""
    for part in path:
        if part == "[]":
            text += "[]"
        elif _PLAIN.match(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


if __name__ == "__main__":
    print(markdown())
