"""What holds for every render: helm lint, images by digest, bounded containers without rights, no secrets."""

import re

import pytest

from tests.contract.chart.rendered import (
    CHART,
    PROFILES,
    helm_python,
    of_kind,
    read_values,
    render,
    render_files,
)

DIGEST = re.compile(r"\S+@sha256:(?!0+$)[0-9a-f]{64}")
RESERVED = {8008, 8012, 8013, 8022, 8112, 9090, 9091}
PODS = ("Service", "Job", "CronJob")
EVERYTHING = {
    "backup": {"enabled": True, "upload": True},
    "migrations": {"bootstrap": True, "secret": "taskflow-migrations"},
}


def containers(objects):
    for found in objects:
        spec = found.get("spec") or {}
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        pod = spec.get("template", {}).get("spec", {}) if found["kind"] in PODS else {}
        for box in pod.get("containers", []):
            yield found, box


@pytest.fixture(params=PROFILES)
def objects(request):
    return render(*PROFILES[request.param], **EVERYTHING)


@pytest.mark.parametrize("profile", PROFILES)
def test_helm_lint_has_nothing_to_say(profile):
    report = helm_python.lint(
        str(CHART), read_values(*PROFILES[profile]), strict=True, namespace="todo-app", kube_version="v1.34.0"
    )

    assert [m for m in report["messages"] if m["severity"] > 1] == []
    assert report["errors"] == []


def test_every_object_belongs_to_the_release_and_is_there_once(objects):
    names = [(o["apiVersion"], o["kind"], o["metadata"]["name"]) for o in objects]

    assert len(names) == len(set(names))
    for found in objects:
        assert found["metadata"]["labels"]["app.kubernetes.io/part-of"] == "taskflow"
        assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        if found["kind"] != "ClusterDomainClaim":
            assert found["metadata"]["namespace"] == "todo-app"


def test_images_are_by_digest(objects):
    images = [box["image"] for _, box in containers(objects)]

    assert len(images) >= 9
    assert [image for image in images if not DIGEST.fullmatch(image)] == []


def test_containers_have_requests_and_a_memory_limit(objects):
    for found, box in containers(objects):
        assert set(box["resources"]["requests"]) >= {"cpu", "memory"}, found["metadata"]["name"]
        assert "memory" in box["resources"]["limits"], found["metadata"]["name"]


def test_containers_are_as_the_restricted_level_of_pod_security_asks(objects):
    for found, box in containers(objects):
        assert box["securityContext"] == {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }, found["metadata"]["name"]


def test_services_have_probes_and_no_reserved_port(objects):
    for service in of_kind(objects, "Service"):
        (box,) = service["spec"]["template"]["spec"]["containers"]
        assert box["readinessProbe"]
        assert box["livenessProbe"]
        assert not {port["containerPort"] for port in box["ports"]} & RESERVED


def test_every_delivery_ends_in_dead_letters_but_that_of_the_dead_letters(objects):
    sinks = {o["metadata"]["name"] for o in of_kind(objects, "KafkaSink")}
    for found in objects:
        if found["kind"] in ("KafkaSource", "Trigger", "Broker"):
            delivery = found["spec"]["delivery"]
            assert {"retry", "backoffPolicy", "backoffDelay", "timeout"} <= set(delivery)
            if found["metadata"]["name"] != "relay-dlq":
                assert delivery["deadLetterSink"]["ref"]["name"] in sinks


@pytest.mark.parametrize("profile", PROFILES)
def test_no_placeholder_and_no_secret_value_is_in_a_render(profile):
    for path, text in render_files(*PROFILES[profile]).items():
        assert "example.com" not in text, path
        assert "kind: Secret\n" not in text, path
        assert not re.search(r"postgres(ql)?://|password: *[^\s{]|BEGIN [A-Z ]*PRIVATE KEY", text), path


def test_no_pod_carries_a_token_of_the_api_server(objects):
    accounts = {o["metadata"]["name"]: o for o in of_kind(objects, "ServiceAccount")}

    assert {o["automountServiceAccountToken"] for o in accounts.values()} == {False}
    assert not [
        o for o in objects if o["kind"] in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    ]


def test_nothing_scales_what_knative_scales(objects):
    """PodDisruptionBudgets and autoscalers are for what is always on, and nothing of this release is."""
    assert not [
        o for o in objects if o["kind"] in ("PodDisruptionBudget", "HorizontalPodAutoscaler", "Deployment")
    ]


def test_the_chart_brings_nobody_elses_parts():
    with helm_python.Chart.load(CHART) as chart:
        assert chart.crds == []
        assert chart.metadata.get("dependencies", []) == []
        assert chart.metadata["kubeVersion"] == ">=1.34.0-0"
        assert [f["name"] for f in chart.files if f["name"].startswith("ci/")] == []
