"""The values that deploy-local.sh gives the chart are ones that the chart takes, and mean what it needs."""

from pathlib import Path

import yaml

from scripts.cluster import objects, release
from scripts.cluster.images import Image
from scripts.cluster.options import Options
from scripts.cluster.parts import CRDS, DATA_PLANE, PROGRAMS
from tests.contract.chart.rendered import CHART, render

IMAGE = Image("dev.local/taskflow", "sha256:" + "a" * 64, Path("taskflow.tar"))
BARE = {"Knative Serving", "Knative Eventing"}
NAMED = Options("current", "core", kafka="10.0.0.1:9092", ingress="http://10.0.0.1")


def rendered(tmp_path, options, have):
    values = release.write(release.values(options, IMAGE, have), tmp_path)
    return render(CHART / "values-local.yaml", values)


def kinds(found):
    return {item["kind"] for item in found}


def test_without_the_kafka_controllers_only_ticks_are_wired(tmp_path):
    found = rendered(tmp_path, NAMED, BARE)
    assert "PingSource" in kinds(found)
    assert not {"KafkaSource", "KafkaSink", "Broker", "Trigger", "Kafka", "KafkaTopic"} & kinds(found)


def test_with_them_everything_is(tmp_path):
    found = rendered(tmp_path, Options("kind", "core"), {*CRDS, *PROGRAMS})
    assert {"KafkaSource", "KafkaSink", "Broker", "Trigger", "Kafka", *DATA_PLANE[:2]} <= kinds(found)


def test_functions_get_the_local_image_and_the_local_issuer(tmp_path):
    services = [item for item in rendered(tmp_path, NAMED, BARE) if item["kind"] == "Service"]
    containers = [item["spec"]["template"]["spec"]["containers"][0] for item in services]
    assert {container["image"] for container in containers} == {IMAGE.reference}
    (tasks,) = [item for item in containers if any(e.get("value") == "tasks" for e in item["env"])]
    env = {entry["name"]: entry.get("value") for entry in tasks["env"]}
    assert env["AUTH_JWKS_URL"] == objects.JWKS_URL
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == "10.0.0.1:9092"


def test_no_secret_is_rendered_and_none_is_missing(tmp_path):
    from scripts.cluster import secrets
    from scripts.deploy.preflight import secret_keys

    found = rendered(tmp_path, NAMED, BARE)
    made = secrets.missing(set(), host=objects.DATABASE_HOST)
    assert "Secret" not in kinds(found)
    for name, keys in secret_keys(found).items():
        assert keys <= set(made[name]), name


def test_the_stand_in_is_in_no_render(tmp_path):
    for path in sorted(CHART.glob("values*.yaml")):
        assert objects.STAND_IN not in path.read_text()
    assert objects.STAND_IN not in yaml.safe_dump_all(rendered(tmp_path, NAMED, BARE))
