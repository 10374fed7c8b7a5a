"""Reads `knative/` and `eventing/` into a `Wiring`. Whatever it does not understand stops the start."""

import base64
import binascii
import json
import zoneinfo
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from scripts.local.declared_topics import EXTERNAL_TOPIC, declared_topics
from scripts.local.dispatch import BROKER_DEFAULT, SOURCE_DEFAULT, Policy
from scripts.local.document import Node, read
from scripts.local.durations import go_seconds, iso_seconds
from scripts.local.events import CONTEXT
from scripts.local.fields import problems
from scripts.local.filters import EVERYTHING, Filter, parse_attributes, parse_filters
from scripts.local.model import (
    Broker,
    Delivery,
    Feed,
    KafkaSink,
    ManifestError,
    SecretRef,
    Service,
    Sink,
    Tick,
    Wiring,
)

FOLDERS = ("knative", "eventing")
_SCALING = "autoscaling.knative.dev/"
_DEFAULT_COMMAND = ("python", "-m", "shared.runtime.serve")  # the image's command
_RESERVED = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}
_SINK_KINDS = {
    "Service": "serving.knative.dev/v1",
    "KafkaSink": "eventing.knative.dev/v1alpha1",
    "Broker": "eventing.knative.dev/v1",
}
Objects = Mapping[str, Mapping[str, Node]]


def load(root: Path) -> Wiring:
    """All manifests below `root`; ManifestError names every file, path and reason."""
    objects = _objects(root)
    namespaces = {
        node["metadata"]["namespace"].text("todo-app") for kind in objects.values() for node in kind.values()
    }
    if len(namespaces) > 1:
        raise ManifestError(f"manifests of several namespaces ({', '.join(sorted(namespaces))}); use one")
    brokers = {name: _broker(node) for name, node in objects["Broker"].items()}
    sinks = {name: _kafka_sink(node) for name, node in objects["KafkaSink"].items()}
    namespace = namespaces.pop() if namespaces else "todo-app"
    feeds = [_source(node, objects) for node in objects["KafkaSource"].values()]
    feeds += [
        _trigger(node, objects, brokers=brokers, namespace=namespace) for node in objects["Trigger"].values()
    ]
    _one_group_each(feeds, objects)
    return Wiring(
        namespace=namespace,
        services={name: _service(node) for name, node in objects["Service"].items()},
        feeds=tuple(feeds),
        brokers=brokers,
        sinks=sinks,
        ticks={name: _tick(node, objects) for name, node in objects["PingSource"].items()},
        topics=declared_topics(objects),
    )


def _objects(root: Path) -> Objects:
    found: dict[str, dict[str, Node]] = defaultdict(dict)
    complaints = []
    for path in sorted(file for folder in FOLDERS for file in (root / folder).glob("*.yaml")):
        for document in read(path):
            node = Node(str(path.relative_to(root)), "", document)
            complaints += [f"{node.file}: {problem.path}: {problem.reason}" for problem in problems(document)]
            kind, name = str(document.get("kind")), node["metadata"]["name"].text()
            if name in found[kind]:
                raise ManifestError(f"{node.file}: {kind} {name!r} is also in {found[kind][name].file}")
            found[kind][name] = node
    if complaints:
        raise ManifestError("\n".join(complaints))
    if not found:
        raise ManifestError(
            f"no manifests in {root}: expected {' and '.join(f'{f}/*.yaml' for f in FOLDERS)}"
        )
    return found


def _service(node: Node) -> Service:
    template = node["spec"]["template"]
    scaling, pod = template["metadata"]["annotations"], template["spec"]
    containers = list(pod["containers"])
    if len(containers) != 1:
        raise pod["containers"].error("exactly one container is implemented")
    box = containers[0]
    visibility = node["metadata"]["labels"]["networking.knative.dev/visibility"]
    timeout = pod["timeoutSeconds"].integer(300, least=1)
    if timeout > 600:
        raise pod["timeoutSeconds"].error("must be ≤ 600")
    return Service(
        name=node["metadata"]["name"].text(),
        public=visibility.choice("", "cluster-local", default="") != "cluster-local",
        env=_env(box),
        command=tuple(item.text() for item in box["command"]) + tuple(item.text() for item in box["args"])
        or _DEFAULT_COMMAND,
        readiness=box["readinessProbe"]["httpGet"]["path"].text("/"),
        concurrency=pod["containerConcurrency"].integer(0),
        timeout=timeout,
        response_start=min(pod["responseStartTimeoutSeconds"].integer(timeout) or timeout, timeout),
        idle_timeout=pod["idleTimeoutSeconds"].integer(0),
        idle=_idle(scaling),
        min_scale=_count(scaling[f"{_SCALING}min-scale"]),
    )


def _idle(scaling: Node) -> float:
    """Seconds without a request until a process ends."""
    window = scaling[f"{_SCALING}window"]
    seconds = _go(window, "60s")
    if not 6 <= seconds <= 3600:
        raise window.error("must be between 6s and 1h")
    return (
        seconds
        + _go(scaling[f"{_SCALING}scale-down-delay"], "0s")
        + _go(scaling[f"{_SCALING}scale-to-zero-pod-retention-period"], "0s")
    )


def _go(node: Node, default: str) -> float:
    try:
        return go_seconds(node.text(default))
    except ValueError as error:
        raise node.error(str(error)) from None


def _count(node: Node) -> int:
    text = node.text("0")
    if not text.isdigit():
        raise node.error("must be a number in quotes")
    return int(text)


def _env(box: Node) -> tuple[tuple[str, str | SecretRef], ...]:
    env: dict[str, str | SecretRef] = {}
    for item in box["env"]:
        name = item["name"].text()
        if name in env or name in _RESERVED:
            raise item.error(f"{name} is {'reserved by Knative' if name in _RESERVED else 'given twice'}")
        ref = item["valueFrom"]["secretKeyRef"]
        env[name] = SecretRef(ref["name"].text(), ref["key"].text()) if ref else item["value"].text("")
    return tuple(env.items())


def _sink(node: Node, objects: Objects) -> Sink:
    ref, uri = node["ref"], node["uri"]
    if not ref:
        if not uri.text().startswith(("http://", "https://")):
            raise uri.error("must be absolute when there is no ref")
        return Sink("URI", uri.text())
    kind, name = ref["kind"].text(), ref["name"].text()
    if _SINK_KINDS.get(kind) != ref["apiVersion"].text():
        known = ", ".join(f"{api} {kind}" for kind, api in _SINK_KINDS.items())
        raise ref.error(f"{ref['apiVersion'].text()} {kind} cannot receive events here; known: {known}")
    if name not in objects[kind]:
        raise ref["name"].error(f"there is no {kind} {name!r} in the manifests")
    path = uri.text("/")
    if not path.startswith("/") or (path != "/" and kind != "Service"):
        raise uri.error("must be a path on a Service, such as /tick")
    return Sink(cast(Literal["Service", "KafkaSink", "Broker"], kind), name, path)


def _delivery(node: Node, objects: Objects, *, default: Policy) -> Delivery:
    if not node:
        return Delivery(default, None)
    try:
        policy = Policy(
            retry=node["retry"].integer(0),  # a delivery without retry means none, as in the data plane
            backoff=cast(
                Literal["exponential", "linear"],
                node["backoffPolicy"].choice("exponential", "linear", default="exponential"),
            ),
            delay=iso_seconds(node["backoffDelay"].text(f"PT{default.delay}S")),
            timeout=iso_seconds(node["timeout"].text(f"PT{default.timeout:.0f}S")),
        )
    except ValueError as error:
        raise node.error(str(error)) from None
    dead_letter = node["deadLetterSink"]
    return Delivery(policy, _sink(dead_letter, objects) if dead_letter else None)


def _source(node: Node, objects: Objects) -> Feed:
    spec = node["spec"]
    topics = tuple(item.text() for item in spec["topics"])
    if not topics:
        raise spec["topics"].error("is missing")
    return Feed(
        kind="KafkaSource",
        name=node["metadata"]["name"].text(),
        topics=topics,
        group=spec["consumerGroup"].text(),  # the cluster would invent one; across restarts it must be known
        earliest=spec["initialOffset"].choice("earliest", "latest", default="latest") == "earliest",
        ordered=spec["ordering"].choice("ordered", "unordered", default="ordered") == "ordered",
        filter=EVERYTHING,
        delivery=_delivery(spec["delivery"], objects, default=SOURCE_DEFAULT),
        sink=_sink(spec["sink"], objects),
        overrides=_overrides(spec),
    )


def _overrides(spec: Node) -> dict[str, str]:
    node = spec["ceOverrides"]["extensions"]
    for name in node.texts():
        if not name.isalnum() or not name.islower() or name in CONTEXT:
            raise node[name].error("is not a name for an extension")
    return node.texts()


def _trigger(node: Node, objects: Objects, *, brokers: Mapping[str, Broker], namespace: str) -> Feed:
    spec, name = node["spec"], node["metadata"]["name"].text()
    broker = brokers.get(spec["broker"].text())
    if broker is None:
        raise spec["broker"].error(f"there is no Broker {spec['broker'].text()!r} in the manifests")
    order = node["metadata"]["annotations"]["kafka.eventing.knative.dev/delivery.order"]
    own, inherited = spec["delivery"], objects["Broker"][broker.name]["spec"]["delivery"]
    return Feed(
        kind="Trigger",
        name=name,
        topics=(broker.topic,),
        group=f"knative-trigger-{namespace}-{name}",
        earliest=True,  # the installation's ConfigMap, which the deployment scripts set to earliest
        ordered=order.choice("ordered", "unordered", default="unordered") == "ordered",
        filter=_filter(spec),
        delivery=_delivery(own or inherited, objects, default=BROKER_DEFAULT),  # wholesale, no merge
        sink=_sink(spec["subscriber"], objects),
        overrides={},
        reply_broker=broker.name,
    )


def _filter(spec: Node) -> Filter:
    chosen = spec["filters"] or spec["filter"]["attributes"]
    try:
        if spec["filters"]:
            return parse_filters(spec["filters"].value)
        return parse_attributes(chosen.texts())
    except ValueError as error:
        raise chosen.error(str(error)) from None


def _broker(node: Node) -> Broker:
    annotations = node["metadata"]["annotations"]
    annotations["eventing.knative.dev/broker.class"].choice("Kafka", default="")
    return Broker(node["metadata"]["name"].text(), annotations[EXTERNAL_TOPIC].text())


def _kafka_sink(node: Node) -> KafkaSink:
    spec = node["spec"]
    mode = spec["contentMode"].choice("binary", "structured", default="structured")
    return KafkaSink(node["metadata"]["name"].text(), spec["topic"].text(), mode == "structured")


def _tick(node: Node, objects: Objects) -> Tick:
    from cronsim import CronSim, CronSimError  # imported late: fields and filters are used without it

    spec = node["spec"]
    schedule, zone = spec["schedule"].text(), spec["timezone"].text("UTC")
    try:
        CronSim(schedule, datetime.now(UTC))
        zoneinfo.ZoneInfo(zone)
    except (CronSimError, zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise spec.error(f"schedule {schedule!r} in {zone!r}: {error}") from None
    return Tick(
        node["metadata"]["name"].text(),
        schedule,
        zone,
        *_payload(spec),
        sink=_sink(spec["sink"], objects),
        overrides=_overrides(spec),
    )


def _payload(spec: Node) -> tuple[bytes | None, str]:
    kind = spec["contentType"].text("application/json")
    try:
        if spec["dataBase64"]:
            return base64.b64decode(spec["dataBase64"].text(), validate=True), kind
        data = spec["data"].text("")
        if data and kind == "application/json":
            json.loads(data)
    except (ValueError, binascii.Error) as error:
        raise spec.error(f"data does not fit contentType {kind}: {error}") from None
    return data.encode() or None, kind


def _one_group_each(feeds: list[Feed], objects: Objects) -> None:
    """Two feeds of one group would share partitions: each would see half of the events."""
    owners: dict[str, str] = {}
    for feed in sorted(feeds, key=lambda feed: feed.kind == "KafkaSource"):  # only theirs is written down
        if feed.group in owners:
            place = objects["KafkaSource"][feed.name]["spec"]["consumerGroup"]
            raise place.error(f"{feed.group!r} is also that of {owners[feed.group]}")
        owners[feed.group] = f"{feed.kind} {feed.name}"
