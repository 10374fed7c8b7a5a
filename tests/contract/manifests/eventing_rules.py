"""What Knative Eventing's webhooks refuse and its definitions let through, and our rules for every delivery.

From pkg/apis/{eventing,duck}/v1 of Knative Eventing 1.22 and the Kafka Broker's documentation.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import ValidationError

from tests.contract.manifests.given import Object
from tests.contract.manifests.models_eventing import Delivery

DEAD_LETTERS_THEMSELVES = "relay-dlq"  # retries for long instead of feeding itself
TRIGGER = {"broker", "delivery", "filter", "filters", "subscriber"}
DIALECTS = {"exact", "prefix", "suffix", "all", "any", "not", "cesql"}
ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")
ORDER = "kafka.eventing.knative.dev/delivery.order"
CLASS = "eventing.knative.dev/broker.class"
REFERENCES = {"Service": "serving.knative.dev/v1", "KafkaSink": "eventing.knative.dev/v1alpha1"}


def delivery(item: Object) -> Iterator[str]:
    """Every KafkaSource, Trigger and Broker says how often, how long, and where to in the end."""
    if item["kind"] not in ("KafkaSource", "Trigger", "Broker"):
        return
    found = item["spec"].get("delivery")
    if found is None:
        yield "delivery is missing: the default waits ten minutes and then loses the event"
        return
    try:
        Delivery.model_validate(found)
    except ValidationError as error:
        yield from (f"delivery.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return
    if "deadLetterSink" not in found and item["metadata"]["name"] != DEAD_LETTERS_THEMSELVES:
        yield "delivery.deadLetterSink is missing: what fails would be lost"


def trigger(item: Object) -> Iterator[str]:
    """The definition keeps unknown fields, so a misspelt one would do nothing."""
    if item["kind"] != "Trigger":
        return
    spec = item["spec"]
    for key in sorted(set(spec) - TRIGGER):
        yield f"spec.{key} is no field of a Trigger"
    if not spec.get("broker"):
        yield "spec.broker is missing"
    if not {"ref", "uri"} & set(spec.get("subscriber") or {}):
        yield "spec.subscriber is missing"
    if "filter" in spec and "filters" in spec:
        yield "filter is ignored beside filters"
    if not isinstance(spec.get("filters", []), list):
        yield "filters is a list"
    else:
        for each in spec.get("filters", []):
            yield from _filter(each)
    if item["metadata"].get("annotations", {}).get(ORDER) != "ordered":
        yield f"{ORDER} is not ordered: one user's events would overtake one another"


def _filter(found: Any) -> Iterator[str]:
    if not isinstance(found, Mapping) or len(found) != 1 or not set(found) <= DIALECTS:
        yield f"a filter has exactly one of {', '.join(sorted(DIALECTS))}"
        return
    ((dialect, inner),) = found.items()
    if dialect in ("all", "any"):
        for each in inner:
            yield from _filter(each)
    elif dialect == "not":
        yield from _filter(inner)
    elif dialect != "cesql":
        if not inner:
            yield f"{dialect} has no attribute"
        for name, value in inner.items():
            if not ATTRIBUTE.fullmatch(name):
                yield f"{name} is no name of an attribute"
            if not isinstance(value, str) or not value:
                yield f"{dialect}.{name} must be a text"


def broker(item: Object) -> Iterator[str]:
    if item["kind"] != "Broker":
        return
    if item["metadata"].get("annotations", {}).get(CLASS) != "Kafka":
        yield f"{CLASS} is Kafka, spelt so"
    if item["spec"].get("config", {}).get("kind") != "ConfigMap":
        yield "spec.config names no ConfigMap with the brokers' addresses"


def ping(item: Object) -> Iterator[str]:
    if item["kind"] != "PingSource":
        return
    spec = item["spec"]
    try:
        CronSim(spec["schedule"], datetime.now(UTC))
        ZoneInfo(spec.get("timezone", "UTC"))
    except (CronSimError, KeyError, ValueError, OSError) as error:
        yield f"schedule {spec.get('schedule')!r} in {spec.get('timezone', 'UTC')!r}: {error}"
    if "data" in spec and "dataBase64" in spec:
        yield "data and dataBase64 exclude one another"
    if not {"ref", "uri"} & set(spec.get("sink") or {}):
        yield "spec.sink is missing"


def references(objects: list[Object]) -> Iterator[str]:
    """Whatever an object points at is in the same set, under the version that serves it."""
    there = {(item["kind"], item["metadata"]["name"]) for item in objects}
    for item in objects:
        for ref in _refs(item.get("spec", {})):
            if REFERENCES.get(ref["kind"], ref["apiVersion"]) != ref["apiVersion"]:
                yield f"{_label(item)}: {ref['kind']} is not in {ref['apiVersion']}"
            if (ref["kind"], ref["name"]) not in there:
                yield f"{_label(item)}: there is no {ref['kind']} {ref['name']}"
        wanted = item.get("spec", {}).get("broker") if item["kind"] == "Trigger" else None
        if wanted and ("Broker", wanted) not in there:
            yield f"{_label(item)}: there is no Broker {wanted}"


def _refs(value: Any) -> Iterator[Mapping[str, str]]:
    if isinstance(value, Mapping):
        if {"apiVersion", "kind", "name"} <= set(value):
            yield value
        for child in value.values():
            yield from _refs(child)
    elif isinstance(value, list):
        for child in value:
            yield from _refs(child)


def groups(objects: list[Object]) -> Iterator[str]:
    """A consumer group belongs to one source; it can never be changed, so every set has the same ones."""
    owners: dict[str, str] = {}
    for item in objects:
        if item["kind"] == "KafkaSource":
            group = item["spec"]["consumerGroup"]
            if group in owners:
                yield f"{_label(item)}: {group} is also that of {owners[group]}"
            owners[group] = _label(item)
            if group != f"taskflow-{item['metadata']['name']}":
                yield f"{_label(item)}: the group {group} would be another one than before"


def _label(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"
