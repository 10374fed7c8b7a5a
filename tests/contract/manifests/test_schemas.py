"""Every object of every set against the schema of its kind, or a strict model of ours."""

import pytest

from tests.contract.manifests import models, schemas
from tests.contract.manifests.given import SETS, label, objects

OURS = {"Service", "DomainMapping", "Broker", "Trigger", "PingSource"}  # whose CRDs are fetched


def answered(item):
    """(who knows the kind, complaints)"""
    if (found := models.complaints(item)) is not None:
        return "model", found
    if item["kind"] in OURS and "knative.dev/" in item["apiVersion"]:
        schema = schemas.knative().get(f"{item['apiVersion']} {item['kind']}")
        return "crd", ["no such version"] if schema is None else schemas.complaints(item, schema)
    found = schemas.kubernetes(item)
    return "kubernetes", ["unknown kind"] if found is None else found


@pytest.mark.parametrize("name", SETS)
def test_objects_of_kubernetes_and_of_operators_fit_their_schemas(name):
    wrong = []
    for item in objects(name):
        if item["kind"] in OURS and "knative.dev/" in item["apiVersion"]:
            continue
        _, found = answered(item)
        wrong += [f"{label(item)}: {each}" for each in found]

    assert wrong == []


@pytest.mark.parametrize("name", SETS)
def test_objects_of_knative_fit_the_real_definitions(name):
    wrong, seen = [], set()
    for item in objects(name):
        if item["kind"] in OURS and "knative.dev/" in item["apiVersion"]:
            seen.add(item["kind"])
            wrong += [f"{label(item)}: {each}" for each in answered(item)[1]]

    assert wrong == []
    assert seen >= {"Service", "Broker", "Trigger", "PingSource"}


def one(kind, name="default"):
    return next(item for item in objects(name) if item["kind"] == kind)


def deep(item, path):
    for key in path:
        item = item[key]
    return item


BOX = ("spec", "template", "spec", "containers", 0)
BROKEN = [
    ("Job", lambda d: d["spec"].update(backoffLimit="2"), "backoffLimit"),
    ("Job", lambda d: d["spec"]["template"]["spec"]["containers"][0].update(cmd=["x"]), "cmd"),
    ("NetworkPolicy", lambda d: d["spec"].update(policyType=["Ingress"]), "policyType"),
    ("ConfigMap", lambda d: d["data"].update(number=1), "number"),
    ("Service", lambda d: d["spec"]["template"]["spec"].update(timeoutSecond=5), "timeoutSecond"),
    ("Service", lambda d: deep(d, BOX).update(lifecycle={"preStop": {}}), "lifecycle"),
    (
        "Service",
        lambda d: d["spec"]["template"]["spec"].update(terminationGracePeriodSeconds=5),
        "termination",
    ),
    ("Service", lambda d: d["spec"]["template"]["spec"].update(timeoutSeconds="5"), "timeoutSeconds"),
    ("Service", lambda d: d["spec"].update(traffic=[{"percent": "5"}]), "percent"),
    ("Trigger", lambda d: d["spec"].update(filters={"exact": {"type": "x"}}), "filters"),
    ("Trigger", lambda d: d["spec"]["subscriber"]["ref"].update(nam="x"), "nam"),
    ("Broker", lambda d: d["spec"]["config"].update(names="x"), "names"),
    ("PingSource", lambda d: d["spec"].update(delivery={"retry": 1}), "delivery"),
    ("PingSource", lambda d: d["spec"].update(cron="* * * * *"), "cron"),
    ("DomainMapping", lambda d: d["spec"].update(reff={}), "reff"),
    ("KafkaSource", lambda d: d["spec"].update(initialOffset="begin"), "initialOffset"),
    ("KafkaSource", lambda d: d["spec"].update(ordering="sorted"), "ordering"),
    ("KafkaSource", lambda d: d["spec"].pop("consumerGroup"), "consumerGroup"),
    ("KafkaSource", lambda d: d["spec"]["delivery"].pop("retry"), "retry"),
    ("KafkaSource", lambda d: d["spec"]["delivery"].update(timeout="30s"), "timeout"),
    ("KafkaSource", lambda d: d["spec"]["delivery"].update(retryAfterMax="PT1S"), "retryAfterMax"),
    ("KafkaSource", lambda d: d["spec"].update(sink={}), "ref or uri"),
    ("KafkaSink", lambda d: d["spec"].update(contentMode="json"), "contentMode"),
    ("KafkaTopic", lambda d: d["metadata"]["labels"].pop("strimzi.io/cluster"), "strimzi.io/cluster"),
    ("KafkaTopic", lambda d: d.update(apiVersion="kafka.strimzi.io/v1beta2"), "apiVersion"),
    ("KafkaTopic", lambda d: d["spec"].update(partitions="3"), "partitions"),
    ("Kafka", lambda d: d["spec"].update(zookeeper={}), "zookeeper"),
    ("Kafka", lambda d: d["spec"]["kafka"].update(replicas=3), "replicas"),
    ("Kafka", lambda d: d["spec"]["kafka"]["config"].pop("auto.create.topics.enable"), "auto.create"),
    ("Kafka", lambda d: d["spec"]["kafka"]["config"].update({"log.dirs": "/x"}), "operator sets log.dirs"),
    ("Kafka", lambda d: d["spec"]["kafka"].update(version="3.9.0"), "version"),
    ("KafkaNodePool", lambda d: d["spec"].update(roles=["brokers"]), "roles"),
    ("KafkaNodePool", lambda d: d["spec"]["storage"]["volumes"][0].update(type="pvc"), "type"),
    ("KafkaUser", lambda d: d["spec"]["authorization"]["acls"][0].update(operation="Read"), "operation"),
    ("KafkaUser", lambda d: d["spec"]["authentication"].update(type="plain"), "authentication"),
    ("ExternalSecret", lambda d: d.update(apiVersion="external-secrets.io/v1beta1"), "apiVersion"),
    ("ExternalSecret", lambda d: d["spec"].update(refreshInterval="1 hour"), "refreshInterval"),
    ("ExternalSecret", lambda d: d["spec"]["secretStoreRef"].update(kind="Store"), "kind"),
    ("ClusterDomainClaim", lambda d: d["spec"].update(name="x"), "name"),
]


@pytest.mark.parametrize(("kind", "change", "named"), BROKEN, ids=lambda v: v if isinstance(v, str) else "")
def test_a_mistake_is_found_and_named(kind, change, named):
    item = one(kind, _with(kind))
    assert answered(item)[1] == []
    change(item)

    assert any(named in complaint for complaint in answered(item)[1])


def _with(kind):
    """A set that has an object of the kind."""
    return next(name for name in reversed(SETS) if any(item["kind"] == kind for item in objects(name)))


CERTIFICATE = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Certificate",
    "metadata": {"name": "c"},
    "spec": {
        "secretName": "c-tls",
        "dnsNames": ["a.taskflow.test"],
        "issuerRef": {"kind": "ClusterIssuer", "name": "letsencrypt"},
    },
}


def test_a_certificate_names_its_issuer():
    assert models.complaints(CERTIFICATE) == []
    without = {**CERTIFICATE["spec"], "issuerRef": {"name": "x", "kind": "Authority"}}
    assert models.complaints({**CERTIFICATE, "spec": without}) != []
    assert models.complaints({**CERTIFICATE, "spec": {**CERTIFICATE["spec"], "domains": []}}) != []


def test_a_strict_definition_keeps_what_the_real_one_keeps():
    loose = {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True}
    assert schemas.complaints({"b": 1}, schemas.strict(loose)) == []
    tight = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {}}}}}
    assert schemas.complaints({"a": {"c": 1}}, schemas.strict(tight)) != []
