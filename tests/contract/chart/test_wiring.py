"""What values do to the eventing objects, the Kafka cluster, its topics and its users."""

import subprocess
import sys

import pytest
import yaml

from tests.contract.chart.rendered import PROFILES, PROJECT, of_kind, one, render

DEFAULT, OWN = PROFILES["default"], PROFILES["aks"]
SEEDS = ["seed-0.kafka.taskflow.test:9092", "seed-1.kafka.taskflow.test:9092"]
SECURED = {"kafka.auth.protocol": "SASL_SSL"}
TOPICS = sorted(path.stem.removeprefix("kafkatopic-") for path in PROJECT.glob("eventing/kafkatopic-*.yaml"))
DEAD = [name for name in TOPICS if name.endswith("-dlq")]
KINDS = ("Broker", "KafkaSink", "KafkaSource", "Trigger", "PingSource")


def secret(reference):
    return reference["secretKeyRef"]["name"], reference["secretKeyRef"]["key"]


def test_every_object_of_eventing_is_rendered():
    objects = render(*DEFAULT)
    for path in PROJECT.glob("eventing/*.yaml"):
        manifest = yaml.safe_load(path.read_text())
        if manifest["kind"] != "KafkaTopic":
            found = one(objects, manifest["kind"], manifest["metadata"]["name"])
            assert found["apiVersion"] == manifest["apiVersion"]
            assert found.get("spec", {}).get("delivery") == manifest.get("spec", {}).get("delivery")
            assert found["metadata"].get("annotations") == manifest["metadata"].get("annotations")


@pytest.mark.parametrize(
    ("files", "servers"),
    [
        (DEFAULT, SEEDS),
        (OWN, ["taskflow-kafka-kafka-bootstrap.todo-app.svc.cluster.local:9092"]),
    ],
)
def test_everything_reaches_the_same_kafka(files, servers):
    objects = render(*files)
    variables = {
        e["value"]
        for service in of_kind(objects, "Service")
        for e in service["spec"]["template"]["spec"]["containers"][0]["env"]
        if e["name"] == "KAFKA_BOOTSTRAP_SERVERS"
    }

    assert variables == {",".join(servers)}
    for kind in ("KafkaSource", "KafkaSink"):
        assert all(o["spec"]["bootstrapServers"] == servers for o in of_kind(objects, kind))
    assert one(objects, "ConfigMap", "task-events-broker")["data"]["bootstrap.servers"] == ",".join(servers)


def test_copies_and_partitions_are_the_same_everywhere():
    objects = render(*OWN, **{"kafka.partitions": 6})
    broker = one(objects, "ConfigMap", "task-events-broker")["data"]

    assert (broker["default.topic.partitions"], broker["default.topic.replication.factor"]) == ("6", "3")
    assert {
        (o["spec"]["numPartitions"], o["spec"]["replicationFactor"]) for o in of_kind(objects, "KafkaSink")
    } == {(6, 3)}
    assert {(o["spec"]["partitions"], o["spec"]["replicas"]) for o in of_kind(objects, "KafkaTopic")} == {
        (6, 3)
    }
    assert {o["spec"]["config"]["min.insync.replicas"] for o in of_kind(objects, "KafkaTopic")} == {2}


def test_every_topic_is_declared_dead_letters_too():
    objects = render(*OWN)

    assert sorted(o["metadata"]["name"] for o in of_kind(objects, "KafkaTopic")) == TOPICS
    assert all(
        o["metadata"]["labels"]["strimzi.io/cluster"] == "taskflow-kafka"
        for o in of_kind(objects, "KafkaTopic")
    )
    used = {topic for o in of_kind(objects, "KafkaSource") for topic in o["spec"]["topics"]}
    used |= {o["spec"]["topic"] for o in of_kind(objects, "KafkaSink")}
    assert used <= set(TOPICS)


def test_a_record_is_kept_as_the_manifest_says_or_as_long_as_a_value_says():
    kept = {
        o["metadata"]["name"]: o["spec"]["config"]["retention.ms"]
        for o in of_kind(render(*OWN), "KafkaTopic")
    }
    sets = {"kafka.topics.retentionHours": 24, "kafka.topics.deadLetterRetentionHours": 48}
    changed = {
        o["metadata"]["name"]: o["spec"]["config"]["retention.ms"]
        for o in of_kind(render(*OWN, **sets), "KafkaTopic")
    }

    for name in TOPICS:
        manifest = yaml.safe_load((PROJECT / f"eventing/kafkatopic-{name}.yaml").read_text())
        assert kept[name] == manifest["spec"]["config"]["retention.ms"]
        assert changed[name] == (48 if name in DEAD else 24) * 3_600_000


def test_a_job_declares_the_topics_on_a_kafka_of_somebody_else():
    objects = render(*DEFAULT, **{"kafka.replicationFactor": 3})
    job = one(objects, "Job", "taskflow-topics")
    declared = list(yaml.safe_load_all(one(objects, "ConfigMap", "taskflow-topics")["data"]["topics.yaml"]))

    assert sorted(o["metadata"]["name"] for o in declared if o) == TOPICS
    assert {o["spec"]["replicas"] for o in declared if o} == {3}
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert not list(of_kind(objects, "KafkaTopic"))
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[-2:] == ["--bootstrap", ",".join(SEEDS)]
    assert not [
        o for o in of_kind(render(*DEFAULT, **{"kafka.topics.manage": "none"}), "Job") if "topics" in str(o)
    ]


def test_without_authentication_nothing_is_proven():
    assert "taskflow-kafka-" not in yaml.safe_dump(
        [o for kind in KINDS for o in of_kind(render(*DEFAULT), kind)]
    )


def test_sources_sinks_and_the_broker_prove_who_they_are():
    objects = render(*DEFAULT, **SECURED)

    for source in of_kind(objects, "KafkaSource"):
        net = source["spec"]["net"]
        assert {key: secret(net["sasl"][key]) for key in ("user", "password", "type")} == {
            "user": ("taskflow-kafka-eventing", "user"),
            "password": ("taskflow-kafka-eventing", "password"),
            "type": ("taskflow-kafka-eventing", "sasl.mechanism"),
        }
        assert (net["sasl"]["enable"], net["tls"]) == (True, {"enable": True})
    for sink in of_kind(objects, "KafkaSink"):
        assert sink["spec"]["auth"] == {"secret": {"ref": {"name": "taskflow-kafka-eventing"}}}
    assert (
        one(objects, "ConfigMap", "task-events-broker")["data"]["auth.secret.ref.name"]
        == "taskflow-kafka-eventing"
    )


def test_a_private_authority_is_given_to_all():
    objects = render(*OWN, **SECURED, **{"kafka.auth.privateCa": True})

    for source in of_kind(objects, "KafkaSource"):
        assert secret(source["spec"]["net"]["tls"]["caCert"]) == ("taskflow-kafka-eventing", "ca.crt")
    assert one(objects, "Kafka", "taskflow-kafka")["spec"]["kafka"]["listeners"][0]["tls"] is True


def test_functions_that_publish_get_a_user_of_their_own_and_others_none():
    objects = render(*DEFAULT, **SECURED)
    for service in of_kind(objects, "Service"):
        env = {e["name"]: e for e in service["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert ("KAFKA_PASSWORD" in env) == ("KAFKA_BOOTSTRAP_SERVERS" in env)
        if "KAFKA_PASSWORD" in env:
            assert secret(env["KAFKA_PASSWORD"]["valueFrom"]) == ("taskflow-kafka-functions", "password")
            assert env["KAFKA_SECURITY_PROTOCOL"]["value"] == "SASL_SSL"


def test_users_may_do_what_they_need_and_no_more():
    objects = render(*OWN)
    rights = {
        user["metadata"]["name"]: {
            (acl["resource"]["type"], acl["resource"]["name"]): set(acl["operations"])
            for acl in user["spec"]["authorization"]["acls"]
        }
        for user in of_kind(objects, "KafkaUser")
    }

    writes = {
        user: {name for (_, name), may in given.items() if "Write" in may} for user, given in rights.items()
    }
    assert writes == {"functions": set(TOPICS) - set(DEAD), "eventing": set(DEAD)}
    assert not any("Read" in may for may in rights["functions"].values())
    groups = [name for kind, name in rights["eventing"] if kind == "group"]
    assert all(o["spec"]["consumerGroup"].startswith(tuple(groups)) for o in of_kind(objects, "KafkaSource"))
    assert "knative-trigger-todo-app-" in groups
    assert not {"All", "Create", "Alter"} & {
        op for given in rights.values() for may in given.values() for op in may
    }


def test_the_users_passwords_are_those_of_the_secrets():
    for user in of_kind(render(*OWN), "KafkaUser"):
        expected = f"taskflow-kafka-{user['metadata']['name']}"
        assert secret(user["spec"]["authentication"]["password"]["valueFrom"]) == (expected, "password")


def test_the_cluster_creates_no_topic_by_itself_and_is_as_wide_as_the_values_say():
    objects = render(*OWN)
    pool, kafka = one(objects, "KafkaNodePool", "brokers"), one(objects, "Kafka", "taskflow-kafka")
    config = kafka["spec"]["kafka"]["config"]

    assert {o["apiVersion"] for o in (pool, kafka)} == {"kafka.strimzi.io/v1"}
    assert config["auto.create.topics.enable"] is False
    assert (config["min.insync.replicas"], config["default.replication.factor"]) == (2, 3)
    assert pool["spec"]["replicas"] == 3
    assert pool["spec"]["storage"]["volumes"][0]["class"] == "managed-csi"
    assert kafka["spec"]["kafka"]["authorization"] == {"type": "simple"}


def test_without_authentication_no_user_operator_runs():
    kafka = one(render(*PROFILES["local"]), "Kafka", "taskflow-kafka")["spec"]

    assert "userOperator" not in kafka["entityOperator"]
    assert "authorization" not in kafka["kafka"]
    assert "authentication" not in kafka["kafka"]["listeners"][0]


def test_a_cluster_without_the_data_plane_gets_the_ticks_only():
    objects = render(*DEFAULT, **{"eventing.dataPlane": False})

    assert {kind for kind in KINDS if list(of_kind(objects, kind))} == {"PingSource"}


def test_versions_are_those_that_are_pinned():
    pinned = yaml.safe_load((PROJECT / "versions.yaml").read_text())

    assert one(render(*OWN), "Kafka", "taskflow-kafka")["spec"]["kafka"]["version"] == pinned["kafka"]


def test_the_topics_job_reads_what_it_is_given(tmp_path):
    """Nobody listens at that address: the declared topics were read by then, or it would say so instead."""
    objects = render(*DEFAULT)
    (tmp_path / "topics.yaml").write_text(one(objects, "ConfigMap", "taskflow-topics")["data"]["topics.yaml"])
    (box,) = one(objects, "Job", "taskflow-topics")["spec"]["template"]["spec"]["containers"]
    replaced = {
        "python": sys.executable,
        box["volumeMounts"][0]["mountPath"]: tmp_path,
        ",".join(SEEDS): "127.0.0.1:9",
    }
    command = [replaced.get(each, each) for each in box["command"]]
    done = subprocess.run([*command, "--wait", "0"], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
