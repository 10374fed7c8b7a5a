"""The manifests of the project load; what would be ignored stops the start with file, path and reason."""

from pathlib import Path

import pytest
import yaml

from scripts.local.dispatch import Policy
from scripts.local.durations import go_seconds, iso_seconds
from scripts.local.manifests import load
from scripts.local.model import ManifestError, SecretRef

PROJECT = Path(__file__).resolve().parents[4]


@pytest.fixture
def changed(tmp_path):
    """A copy of the project's manifests in which one document has been changed."""

    def change(file, edit):
        for path in [*PROJECT.glob("knative/*.yaml"), *PROJECT.glob("eventing/*.yaml")]:
            target = tmp_path / path.relative_to(PROJECT)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(path)
        document = yaml.safe_load((PROJECT / file).read_text())
        edit(document)
        (tmp_path / file).unlink()
        (tmp_path / file).write_text(yaml.safe_dump(document))
        return tmp_path

    return change


def test_the_manifests_of_the_project_load():
    wiring = load(PROJECT)
    assert set(wiring.services) == {
        "tasks",
        "recurrence",
        "reminders",
        "notifications",
        "audit",
        "updates",
        "relay",
    }
    assert {name for name, service in wiring.services.items() if service.public} == {"tasks", "updates"}
    assert set(wiring.topics) == {
        f"{topic}{end}" for topic in ("task-events", "reminders", "task-updates") for end in ("", "-dlq")
    }
    assert wiring.services["relay"].idle == 10
    assert dict(wiring.services["audit"].env)["DATABASE_URL"] == SecretRef("taskflow-database", "consumer")


def test_every_delivery_is_the_one_of_the_design():
    for feed in load(PROJECT).feeds:
        assert feed.ordered
        assert feed.earliest
        if feed.name != "relay-dlq":
            assert feed.delivery.policy == Policy(retry=3, backoff="exponential", delay=0.5, timeout=30)
            assert feed.delivery.dead_letter is not None
            assert feed.delivery.dead_letter.name == f"{feed.topics[0]}-dlq"


@pytest.mark.parametrize(
    ("attributes", "woken"),
    [
        ({"type": "io.taskflow.task.created.v1"}, {"audit"}),
        ({"type": "io.taskflow.task.completed.v1"}, {"audit"}),
        ({"type": "io.taskflow.task.completed.v1", "recurring": "true"}, {"audit", "recurrence"}),
        ({"type": "io.taskflow.task.skipped.v1", "recurring": "true"}, {"audit", "recurrence"}),
        ({"type": "io.taskflow.task.updated.v1", "recurring": "true"}, {"audit"}),
        ({"type": "io.taskflow.task.created.v1", "webhooks": "true"}, {"audit", "notifications"}),
    ],
)
def test_an_event_wakes_whom_the_design_says(attributes, woken):
    triggers = [feed for feed in load(PROJECT).feeds if feed.kind == "Trigger"]
    assert {feed.sink.name for feed in triggers if feed.filter(attributes)} == woken


def template(document):
    return document["spec"]["template"]


def container(document):
    return template(document)["spec"]["containers"][0]


SERVICE, TRIGGER, SOURCE = (
    "knative/tasks.yaml",
    "eventing/trigger-audit.yaml",
    "eventing/kafkasource-updates.yaml",
)


@pytest.mark.parametrize(
    ("file", "edit", "place"),
    [
        (
            SERVICE,
            lambda d: template(d)["spec"].update(nodeSelector={"a": "b"}),
            "spec.template.spec.nodeSelector.a",
        ),
        (
            SERVICE,
            lambda d: template(d)["spec"].update(initContainers=[]),
            "spec.template.spec.initContainers",
        ),
        (SERVICE, lambda d: container(d).update(lifecycle={"preStop": {}}), "containers[].lifecycle.preStop"),
        (SERVICE, lambda d: container(d)["env"].append({"name": "PORT", "value": "1"}), "PORT is reserved"),
        (SERVICE, lambda d: container(d)["env"].append({"name": "LOG_LEVEL", "value": "1"}), "given twice"),
        (SERVICE, lambda d: container(d)["env"].append({"name": "A", "value": 1}), "must be a string"),
        (
            SERVICE,
            lambda d: container(d)["env"].append(
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}
            ),
            "valueFrom.configMapKeyRef",
        ),
        (
            SERVICE,
            lambda d: template(d)["metadata"]["annotations"].update({"autoscaling.knative.dev/window": "1s"}),
            "between 6s and 1h",
        ),
        (
            SERVICE,
            lambda d: template(d)["metadata"]["annotations"].update(
                {"autoscaling.knative.dev/metric": "rps"}
            ),
            "autoscaling.knative.dev/metric",
        ),
        (SERVICE, lambda d: template(d)["spec"].update(timeoutSeconds=601), "timeoutSeconds: must be ≤ 600"),
        (SERVICE, lambda d: template(d)["spec"].update(containerConcurrency="8"), "must be an integer"),
        (TRIGGER, lambda d: d["spec"].update(filters=[{"cesql": "a = 'b'"}]), "filters[].cesql"),
        (TRIGGER, lambda d: d["spec"].update(filters=[{"not": {"cesql": "a"}}]), "cesql"),
        (TRIGGER, lambda d: d["spec"].update(filters={"exact": {"type": "a"}}), "filters.exact.type"),
        (TRIGGER, lambda d: d["spec"].update(broker="other"), "no Broker 'other'"),
        (TRIGGER, lambda d: d["spec"]["subscriber"]["ref"].update(name="nobody"), "no Service 'nobody'"),
        (TRIGGER, lambda d: d["spec"]["delivery"].update(retryAfterMax="PT1S"), "delivery.retryAfterMax"),
        (TRIGGER, lambda d: d["spec"]["delivery"].update(backoffDelay="500ms"), "not an ISO-8601 duration"),
        (TRIGGER, lambda d: d["spec"]["delivery"].update(backoffPolicy="random"), "'random' is not one of"),
        (
            TRIGGER,
            lambda d: d["spec"]["delivery"]["deadLetterSink"]["ref"].update(name="x"),
            "no KafkaSink 'x'",
        ),
        (SOURCE, lambda d: d["spec"].update(ordring="ordered"), "spec.ordring"),
        (SOURCE, lambda d: d["spec"].update(ordering="sorted"), "'sorted' is not one of"),
        (SOURCE, lambda d: d["spec"].update(initialOffset="begin"), "'begin' is not one of"),
        (SOURCE, lambda d: d["spec"].pop("consumerGroup"), "spec.consumerGroup: is missing"),
        (SOURCE, lambda d: d["spec"].update(consumerGroup="taskflow-notifications"), "is also that of"),
        (
            SOURCE,
            lambda d: d["spec"].update(ceOverrides={"extensions": {"id": "x"}}),
            "not a name for an extension",
        ),
        (SOURCE, lambda d: d.update(apiVersion="sources.knative.dev/v1beta1"), "is not implemented"),
        ("eventing/tick-relay.yaml", lambda d: d["spec"].update(schedule="* * *"), "schedule '* * *'"),
        ("eventing/tick-relay.yaml", lambda d: d["spec"].update(timezone="Mars/Base"), "Mars/Base"),
        ("eventing/tick-relay.yaml", lambda d: d["spec"].update(data="{"), "data does not fit"),
        (
            "eventing/broker.yaml",
            lambda d: d["metadata"]["annotations"].update(
                {"eventing.knative.dev/broker.class": "MTChannelBasedBroker"}
            ),
            "is not one of Kafka",
        ),
        ("eventing/broker.yaml", lambda d: d["spec"]["config"].update(name="gone"), "no ConfigMap 'gone'"),
        ("eventing/broker.yaml", lambda d: d["metadata"].update(namespace="other"), "several namespaces"),
    ],
)
def test_what_would_be_ignored_is_refused(changed, file, edit, place):
    with pytest.raises(ManifestError) as refused:
        load(changed(file, edit))
    assert place in str(refused.value)
    assert file in str(refused.value) or "several namespaces" in str(refused.value)


def test_every_unknown_field_is_named_at_once(changed):
    def edit(document):
        document["spec"].update(one=1, two=2)

    with pytest.raises(ManifestError) as refused:
        load(changed(SOURCE, edit))
    assert {line.split(": ")[1] for line in str(refused.value).splitlines()} == {"spec.one", "spec.two"}


def test_a_key_that_is_given_twice_is_refused(tmp_path):
    (tmp_path / "eventing").mkdir()
    (tmp_path / "eventing/a.yaml").write_text("kind: Broker\nkind: Trigger\n")
    with pytest.raises(ManifestError, match="given twice"):
        load(tmp_path)


def test_a_folder_without_manifests_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="no manifests"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT0.5S", 0.5), ("PT30S", 30), ("PT1M30S", 90), ("P1DT1H", 90000)]
)
def test_iso_durations(text, seconds):
    assert iso_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "30s", "PT5", "P1DT"])
def test_what_is_no_iso_duration(text):
    with pytest.raises(ValueError):
        iso_seconds(text)


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600)])
def test_go_durations(text, seconds):
    assert go_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "PT10S"])
def test_what_is_no_go_duration(text):
    with pytest.raises(ValueError):
        go_seconds(text)
