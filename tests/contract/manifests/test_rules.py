"""Rules that schemas miss: every set keeps them, and every rule finds the mistake that it is for."""

import pytest

from tests.contract.manifests.given import SETS, objects
from tests.contract.manifests.rules import complaints


@pytest.mark.parametrize("name", SETS)
def test_a_set_keeps_every_rule(name):
    assert complaints(objects(name)) == []


def template(item):
    return item["spec"]["template"]


def annotate(**values):
    def change(item):
        found = {f"autoscaling.knative.dev/{key.replace('_', '-')}": value for key, value in values.items()}
        template(item)["metadata"]["annotations"].update(found)

    return change


def pod(**values):
    return lambda item: template(item)["spec"].update(values)


def box(**values):
    return lambda item: template(item)["spec"]["containers"][0].update(values)


def variable(**values):
    return lambda item: template(item)["spec"]["containers"][0]["env"].append(values)


def spec(**values):
    return lambda item: item["spec"].update(values)


def without(*path):
    def change(item):
        *parents, last = path
        for key in parents:
            item = item[key]
        del item[last]

    return change


SERVICE, TRIGGER, SOURCE, PING, BROKER = (
    ("Service", "tasks"), ("Trigger", "audit"), ("KafkaSource", "updates"), ("PingSource", "relay"),
    ("Broker", "task-events"),
)  # fmt: skip
BOX = ("spec", "template", "spec", "containers", 0)
PORT = {"name": "http1", "containerPort": 9090}
MISTAKES = [
    (SERVICE, annotate(min_scale="6"), "above max-scale"),
    (SERVICE, annotate(min_scale="-1"), "min-scale"),
    (SERVICE, annotate(max_scale="0"), "max-scale is missing"),
    (SERVICE, annotate(window="5s"), "window"),
    (SERVICE, annotate(window="2h"), "window"),
    (SERVICE, annotate(target="0"), "target"),
    (SERVICE, annotate(metric="cpu"), "metric"),
    (SERVICE, annotate(activation_scale="1"), "activation-scale"),
    (SERVICE, annotate(scale_down_delay="61m"), "scale-down-delay"),
    (SERVICE, annotate(minscale="1"), "minscale"),
    (SERVICE, annotate(min_scale=1), "annotations.autoscaling.knative.dev/min-scale is no text"),
    (
        SERVICE,
        lambda d: d["metadata"].update(annotations={"autoscaling.knative.dev/min-scale": "1"}),
        "belongs to spec.template",
    ),
    (
        SERVICE,
        lambda d: d["metadata"].update(annotations={"serving.knative.dev/creator": "me"}),
        "cannot change",
    ),
    (
        SERVICE,
        lambda d: d["metadata"]["labels"].update({"networking.knative.dev/visibility": "private"}),
        "cluster-local or absent",
    ),
    (SERVICE, lambda d: template(d)["metadata"].update(name="other-1"), "a revision's name"),
    (SERVICE, lambda d: template(d)["metadata"].update(name="tasks-" + "a" * 58), "63 characters"),
    (SERVICE, pod(timeoutSeconds=601), "timeoutSeconds 601"),
    (SERVICE, pod(responseStartTimeoutSeconds=120), "above timeoutSeconds"),
    (SERVICE, pod(containerConcurrency=1001), "containerConcurrency"),
    (SERVICE, pod(initContainers=[]), "initContainers"),
    (SERVICE, pod(affinity={}), "affinity"),
    (SERVICE, pod(securityContext={"fsGroup": 1}), "securityContext is not allowed"),
    (SERVICE, pod(nodeSelector={"kubernetes.io/arch": "amd64"}), "wants amd64"),
    (SERVICE, pod(tolerations=[]), "tolerations"),
    (SERVICE, pod(hostNetwork=True), "hostNetwork"),
    (SERVICE, pod(automountServiceAccountToken=True), "can only be false"),
    (SERVICE, pod(volumes=[{"name": "x", "persistentVolumeClaim": {}}]), "persistentVolumeClaim"),
    (SERVICE, lambda d: template(d)["spec"]["volumes"].append({"name": "x", "emptyDir": {}}), "not mounted"),
    (SERVICE, box(volumeMounts=[{"name": "tmp", "mountPath": "/dev"}]), "reserved"),
    (SERVICE, box(volumeMounts=[{"name": "none", "mountPath": "/x"}]), "no volume none"),
    (SERVICE, box(lifecycle={}), "lifecycle"),
    (SERVICE, box(name="queue-proxy"), "queue-proxy"),
    (SERVICE, box(ports=[PORT]), "port 9090 belongs"),
    (SERVICE, box(ports=[{"name": "web", "containerPort": 8080}]), "http1 or h2c"),
    (SERVICE, box(ports=[PORT, PORT]), "one port"),
    (SERVICE, variable(name="PORT", value="1"), "PORT is reserved"),
    (SERVICE, variable(name="K_SERVICE", value="1"), "K_SERVICE is reserved"),
    (SERVICE, variable(name="LOG_LEVEL", value="1"), "given twice"),
    (SERVICE, variable(name="IP", valueFrom={"fieldRef": {"fieldPath": "x"}}), "fieldRef"),
    (SERVICE, variable(name="CPU", valueFrom={"resourceFieldRef": {}}), "resourceFieldRef"),
    (SERVICE, variable(name="API_TOKEN", value="abc"), "API_TOKEN has its value"),
    (SERVICE, variable(name="X", value="postgresql://me:word@host/db"), "looks like a secret"),
    (SERVICE, variable(name="X", value="-----BEGIN PRIVATE KEY-----"), "looks like a secret"),
    (SERVICE, without(*BOX, "readinessProbe"), "readinessProbe is missing"),
    (SERVICE, without(*BOX, "livenessProbe"), "livenessProbe is missing"),
    (SERVICE, without(*BOX, "resources", "requests", "cpu"), "requests.cpu"),
    (SERVICE, without(*BOX, "resources", "requests", "memory"), "requests.memory"),
    (SERVICE, without(*BOX, "resources", "limits"), "limits.memory"),
    (SERVICE, box(image="ghcr.io/taskflow/taskflow:1.0"), "is not repository@sha256"),
    (SERVICE, box(image="ghcr.io/taskflow/taskflow:latest"), "is not repository@sha256"),
    (SERVICE, box(image="example.org/amd64only@sha256:" + "0" * 64), "not on the list"),
    (SERVICE, without(*BOX, "securityContext", "runAsNonRoot"), "may run as root"),
    (SERVICE, without(*BOX, "securityContext", "allowPrivilegeEscalation"), "may gain rights"),
    (SERVICE, without(*BOX, "securityContext", "capabilities"), "capabilities"),
    (SERVICE, without(*BOX, "securityContext", "seccompProfile"), "seccomp"),
    (SERVICE, without(*BOX, "securityContext", "readOnlyRootFilesystem"), "write to its image"),
    (SERVICE, spec(traffic=[{"latestRevision": True, "percent": 90}]), "not 100"),
    (
        SERVICE,
        spec(traffic=[{"latestRevision": True, "revisionName": "x", "percent": 100}]),
        "or is the latest",
    ),
    (TRIGGER, spec(filterz=[]), "filterz is no field"),
    (TRIGGER, without("spec", "broker"), "broker is missing"),
    (TRIGGER, spec(broker="nobody"), "no Broker nobody"),
    (TRIGGER, without("spec", "subscriber"), "subscriber is missing"),
    (TRIGGER, spec(filters={"exact": {"type": "x"}}), "filters is a list"),
    (TRIGGER, spec(filters=[{"exact": {"a": "1"}, "prefix": {"b": "1"}}]), "exactly one of"),
    (TRIGGER, spec(filters=[{"equals": {"a": "1"}}]), "exactly one of"),
    (TRIGGER, spec(filters=[{"not": {"exact": {"a-b": "1"}}}]), "no name of an attribute"),
    (TRIGGER, spec(filters=[{"all": [{"exact": {"a": 1}}]}]), "must be a text"),
    (TRIGGER, without("metadata", "annotations"), "delivery.order"),
    (TRIGGER, without("spec", "delivery"), "delivery is missing"),
    (TRIGGER, without("spec", "delivery", "retry"), "delivery.retry"),
    (TRIGGER, without("spec", "delivery", "deadLetterSink"), "deadLetterSink is missing"),
    (TRIGGER, lambda d: d["spec"]["delivery"].update(retryAfterMax="PT1S"), "retryAfterMax"),
    (TRIGGER, lambda d: d["spec"]["delivery"].update(backoffDelay="500ms"), "backoffDelay"),
    (TRIGGER, lambda d: d["spec"]["subscriber"]["ref"].update(name="nobody"), "no Service nobody"),
    (TRIGGER, lambda d: d["spec"]["subscriber"]["ref"].update(apiVersion="v1"), "Service is not in v1"),
    (
        BROKER,
        lambda d: d["metadata"]["annotations"].update({"eventing.knative.dev/broker.class": "kafka"}),
        "spelt so",
    ),
    (BROKER, without("spec", "config"), "names no ConfigMap"),
    (BROKER, lambda d: d["spec"]["delivery"].update(retries=3), "retries"),
    (SOURCE, without("spec", "delivery"), "delivery is missing"),
    (SOURCE, spec(consumerGroup="taskflow-notifications"), "is also that of"),
    (SOURCE, spec(consumerGroup="another"), "another one than before"),
    (PING, spec(schedule="61 * * * *"), "schedule"),
    (PING, spec(timezone="Mars/Olympus"), "Mars"),
    (PING, spec(data="a", dataBase64="YQ=="), "exclude"),
    (("KafkaTopic", "reminders"), spec(partitions=1), "fewer than 3"),
    (("KafkaTopic", "reminders"), spec(replicas=3), "min.insync.replicas 1 with 3"),
    (("Namespace", "todo-app"), without("metadata", "labels"), "Pod Security"),
    (
        ("Job", "taskflow-migrate"),
        without("spec", "template", "spec", "automountServiceAccountToken"),
        "token",
    ),
    (
        ("Job", "taskflow-migrate"),
        without("spec", "template", "spec", "containers", 0, "resources"),
        "requests",
    ),
    (("Secret", "taskflow-database"), lambda d: d["stringData"].update(api="x"), "Secret with values"),
]


@pytest.mark.parametrize(("where", "change", "named"), MISTAKES, ids=[str(n) for n in range(len(MISTAKES))])
def test_a_mistake_is_found_and_named(where, change, named):
    found = objects("plain")
    (item,) = [i for i in found if (i["kind"], i["metadata"]["name"]) == where]
    change(item)

    assert any(named in complaint for complaint in complaints(found))


def test_an_object_in_two_files_is_found():
    found = objects("plain")

    assert any("is there twice" in complaint for complaint in complaints([*found, found[0]]))
