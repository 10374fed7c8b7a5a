"""What the webhooks of Kubernetes and Knative would refuse at apply time, and what we forbid ourselves.

Unknown fields and references to missing objects are refused by `scripts.local.manifests.load` already.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from scripts.local.durations import go_seconds, iso_seconds
from scripts.local.manifests import load

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
QUANTITY = re.compile(r"\d+(m|Mi|Gi)?")
DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")
RESERVED_VARIABLES = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}
RESERVED_PORTS = {8012, 8013, 8022, 9090, 9091, 8008, 8112}
POD_FIELDS = {
    "containerConcurrency",
    "timeoutSeconds",
    "responseStartTimeoutSeconds",
    "containers",
    "volumes",
}
TEMPLATE_ONLY = ("autoscaling.knative.dev/", "dapr.io/", "queue.sidecar.serving.knative.dev/")
API_VERSIONS = {
    "Service": "serving.knative.dev/v1",
    "KafkaSource": "sources.knative.dev/v1",
    "PingSource": "sources.knative.dev/v1",
    "Broker": "eventing.knative.dev/v1",
    "Trigger": "eventing.knative.dev/v1",
    "KafkaSink": "eventing.knative.dev/v1alpha1",
    "KafkaTopic": "kafka.strimzi.io/v1",
    "ConfigMap": "v1",
}
PREFIXES = {
    "KafkaSource": "kafkasource-",
    "Trigger": "trigger-",
    "PingSource": "tick-",
    "KafkaSink": "kafkasink-",
    "KafkaTopic": "kafkatopic-",
}
# With its successThreshold: Knative gives a revision whose name has not changed no defaults, so a second
# server-side application would take the default of the first one away, and is refused (seen with Helm 4).
READINESS = {"httpGet": {"path": "/health/readiness"}, "successThreshold": 1}


def pods(services) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, service in services.items():
        yield name, service["spec"]["template"]["spec"]


def boxes(services) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in pods(services):
        assert len(pod["containers"]) == 1, name
        yield name, pod["containers"][0]


def test_every_object_is_ours_and_where_it_belongs(documents):
    for path, document in documents.items():
        kind, metadata = document["kind"], document["metadata"]
        assert document["apiVersion"] == API_VERSIONS[kind], path
        assert NAME.fullmatch(metadata["name"]), path
        assert metadata["namespace"] == "todo-app", path
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "taskflow", path
        if kind == "Service":
            assert path == f"knative/{metadata['name']}.yaml"
        elif kind in PREFIXES:
            assert path.removeprefix("eventing/").startswith(PREFIXES[kind]), path


def test_labels_annotations_and_variables_are_strings(documents, services):
    for path, document in documents.items():
        for part in (document, document.get("spec", {}).get("template", {}) or {}):
            for key in ("labels", "annotations"):
                values = part.get("metadata", {}).get(key, {})
                assert all(isinstance(v, str) for v in values.values()), f"{path}: quote the {key}"
    for name, box in boxes(services):
        assert all(isinstance(e.get("value", ""), str) for e in box["env"]), name


def test_scaling_annotations_are_on_the_template(services):
    for name, service in services.items():
        outside = service["metadata"].get("annotations", {})
        assert not [key for key in outside if key.startswith(TEMPLATE_ONLY)], name
        scaling = service["spec"]["template"]["metadata"]["annotations"]
        assert scaling["autoscaling.knative.dev/min-scale"] == "0", f"{name}: everything scales to zero"
        assert 6 <= go_seconds(scaling["autoscaling.knative.dev/window"]) <= 3600, name
        assert int(scaling["autoscaling.knative.dev/max-scale"]) >= 1, name
        assert go_seconds(scaling.get("autoscaling.knative.dev/scale-down-delay", "0s")) <= 3600, name


def test_visibility_is_a_label_of_the_service(services):
    for name, service in services.items():
        assert "networking.knative.dev/visibility" not in service["metadata"].get("annotations", {}), name
        template = service["spec"]["template"]["metadata"].get("labels", {})
        assert "networking.knative.dev/visibility" not in template, name


def test_pods_use_only_what_a_stock_installation_allows(services):
    for name, pod in pods(services):
        assert set(pod) <= POD_FIELDS, f"{name}: needs a feature flag, or is never allowed"
        assert 0 < pod["timeoutSeconds"] <= 600, name
        assert 0 < pod["responseStartTimeoutSeconds"] <= pod["timeoutSeconds"], name
        assert 0 < pod["containerConcurrency"] <= 1000, name
        assert [set(v) for v in pod["volumes"]] == [{"name", "emptyDir"}] * len(pod["volumes"]), name


def test_variables_are_well_formed_unique_and_not_reserved(services):
    for name, box in boxes(services):
        variables = [e["name"] for e in box["env"]]
        assert len(variables) == len(set(variables)), name
        assert not RESERVED_VARIABLES & set(variables), name
        assert all(VARIABLE.fullmatch(v) for v in variables), name
        assert all(("value" in e) != ("valueFrom" in e) for e in box["env"]), name


def test_readiness_is_asked_often_and_is_not_liveness(services):
    """With a periodSeconds queue-proxy asks once a second or less: a wake-up would pay for it."""
    for name, box in boxes(services):
        assert box["readinessProbe"] == READINESS, name
        assert box["livenessProbe"]["httpGet"] == {"path": "/health/liveness"}, name


def test_containers_have_one_port_that_knative_does_not_use(services):
    for name, box in boxes(services):
        assert box["name"] != "queue-proxy", name
        assert [p["containerPort"] for p in box["ports"]] == [8080], name
        assert not {p["containerPort"] for p in box["ports"]} & RESERVED_PORTS, name
        assert {p["name"] for p in box["ports"]} <= {"http1", "h2c"}, name


def test_images_are_by_digest_and_all_the_same(services):
    images = {box["image"] for _, box in boxes(services)}

    assert len(images) == 1
    assert DIGEST.fullmatch(images.pop())


def test_containers_can_do_nothing_they_need_not(services):
    for name, box in boxes(services):
        assert box["securityContext"] == {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name
        assert box["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}], name


def test_probes_ask_the_function_and_none_delays_a_cold_start(services):
    for name, box in boxes(services):
        assert box["readinessProbe"] == READINESS, name
        assert box["livenessProbe"]["httpGet"] == {"path": "/health/liveness"}, name
        assert "startupProbe" not in box, name


def test_every_container_asks_for_its_share_and_is_bounded_in_memory_only(services):
    """A limit of cpu throttles the imports of every start (docs/decisions/0020)."""
    for name, box in boxes(services):
        check_resources(name, box["resources"], limits={"memory"})


def test_kn_deploys_with_the_same_bounds(project):
    for path in [project / "func.yaml", *project.glob("functions/*/func.yaml")]:
        resources = yaml.safe_load(path.read_text())["deploy"]["options"]["resources"]
        check_resources(path.parent.name, resources, limits={"memory", "concurrency"})


def check_resources(name, resources, *, limits):
    assert set(resources["requests"]) == {"cpu", "memory"}, name
    assert set(resources["limits"]) == limits, name
    assert all(QUANTITY.fullmatch(str(q)) for kind in resources.values() for q in kind.values()), name


def test_durations_of_deliveries_are_iso_8601(documents):
    for path, document in documents.items():
        delivery = document.get("spec", {}).get("delivery", {})
        for key in ("timeout", "backoffDelay"):
            assert key not in delivery or iso_seconds(delivery[key]) > 0, path
        assert delivery.get("backoffPolicy", "exponential") in ("exponential", "linear"), path


def test_sources_and_triggers_use_values_that_exist(documents):
    for path, document in documents.items():
        spec = document.get("spec", {})
        if document["kind"] == "KafkaSource":
            assert spec["initialOffset"] == "earliest", path
            assert spec["ordering"] == "ordered", path
            assert spec["consumerGroup"].startswith("taskflow-"), path
            assert spec["bootstrapServers"], path
        if document["kind"] == "Trigger":
            order = document["metadata"]["annotations"]["kafka.eventing.knative.dev/delivery.order"]
            assert order == "ordered", path
            assert "filter" not in spec, f"{path}: use filters, the list"
            assert isinstance(spec.get("filters", []), list), path
        if document["kind"] == "PingSource":
            assert len(spec["schedule"].split()) in (5, 6), f"{path}: a sixth field, in front, is the second"
            assert "data" not in spec, f"{path}: a tick carries no data"
            assert spec["sink"]["uri"] == "/tick", path


def test_everything_points_at_the_same_kafka(documents, services):
    sources = {s for d in documents.values() for s in d.get("spec", {}).get("bootstrapServers", [])}
    variables = {
        e["value"] for _, b in boxes(services) for e in b["env"] if e["name"] == "KAFKA_BOOTSTRAP_SERVERS"
    }
    brokers = {d["data"]["bootstrap.servers"] for d in documents.values() if d["kind"] == "ConfigMap"}

    assert len(sources | variables | brokers) == 1


def _retarget(text: str) -> str:
    return text.replace("name: audit\n", "name: audits\n").replace(
        "broker: task-events", "broker: task-event"
    )


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        ("eventing/trigger-audit.yaml", _retarget, "task-event"),
        (
            "knative/audit.yaml",
            lambda t: t.replace("containerConcurrency", "containerConcurency"),
            "containerConcurency",
        ),
        ("knative/audit.yaml", lambda t: t.replace("- name: THREADS", "- name: PORT"), "PORT"),
        ("eventing/kafkasource-updates.yaml", lambda t: t.replace("PT0.5S", "500ms"), "ISO-8601"),
        (
            "eventing/kafkasource-updates.yaml",
            lambda t: t.replace("name: task-updates-dlq", "name: lost"),
            "lost",
        ),
    ],
)
def test_the_reader_refuses_what_the_cluster_would(project, tmp_path, file, change, complaint):
    for folder in ("knative", "eventing"):
        (tmp_path / folder).mkdir()
        for path in (project / folder).glob("*.yaml"):
            (tmp_path / folder / path.name).write_text(path.read_text())
    broken = tmp_path / file
    broken.write_text(change(broken.read_text()))
    yaml.safe_load(broken.read_text())

    with pytest.raises(Exception, match=re.escape(complaint)):
        load(tmp_path)
