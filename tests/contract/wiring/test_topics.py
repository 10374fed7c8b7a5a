"""Topics are declared once, and whoever names one or says a number agrees with the declaration."""

import re
import shutil

import pytest
import yaml

from scripts.local import kafka_broker, manifests
from scripts.local.declared_topics import EXTERNAL_TOPIC
from scripts.local.model import ManifestError
from scripts.local.topics import retention_ms
from shared.db.retention import RETENTION
from shared.events.catalog import TOPICS
from shared.messaging.topics import read

LEAST_PARTITIONS = 3  # they cannot be raised later without breaking the order of each user's events
CLUSTER = "taskflow-kafka"


@pytest.fixture(scope="module")
def declared(project):
    return {topic.name: topic for topic in read(project / "eventing")}


def named(documents):
    """(file, topic) for everything that reads or writes a topic in the cluster."""
    for path, document in documents.items():
        spec = document.get("spec", {})
        match document["kind"]:
            case "KafkaSource":
                yield from ((path, topic) for topic in spec["topics"])
            case "KafkaSink":
                yield path, spec["topic"]
            case "Broker":
                yield path, document["metadata"]["annotations"][EXTERNAL_TOPIC]


def test_every_topic_that_is_named_is_declared(documents, declared):
    found = list(named(documents))

    assert len({path for path, _ in found}) >= 7
    assert {topic for _, topic in found} | set(TOPICS) == set(declared)


def test_declarations_are_one_per_file_and_belong_to_our_cluster(documents):
    topics = {p: d for p, d in documents.items() if d["kind"] == "KafkaTopic"}
    for path, document in topics.items():
        name = document["metadata"]["name"]
        assert path == f"eventing/kafkatopic-{name}.yaml"
        assert document["metadata"]["labels"]["strimzi.io/cluster"] == CLUSTER
        assert "topicName" not in document["spec"], "the object's name is the topic's"


def test_topics_have_partitions_enough_and_forget_by_age(declared):
    for topic in declared.values():
        assert topic.partitions >= LEAST_PARTITIONS, topic.name
        assert topic.config["cleanup.policy"] == "delete", f"{topic.name}: compaction loses events"
        assert int(topic.config["min.insync.replicas"]) == max(1, topic.replicas - 1), topic.name


def test_numbers_elsewhere_are_those_of_the_declaration(documents, declared):
    for document in documents.values():
        if document["kind"] == "KafkaSink":
            topic = declared[document["spec"]["topic"]]
            said = (document["spec"]["numPartitions"], document["spec"]["replicationFactor"])
            assert said == (topic.partitions, topic.replicas), topic.name


def test_dead_letters_outlast_their_topic_and_not_the_inbox(declared):
    """A replay of what the inbox has forgotten would act twice."""
    (inbox,) = RETENTION["inbox"]
    for topic in TOPICS:
        kept, letters = retention_ms(declared[topic]), retention_ms(declared[f"{topic}-dlq"])
        assert kept < letters < inbox.age.total_seconds() * 1000, topic


def test_no_broker_of_ours_creates_topics_by_itself():
    assert re.search(r"^auto\.create\.topics\.enable=false$", kafka_broker._PROPERTIES, re.MULTILINE)


def test_the_platform_has_what_is_declared(wired, declared):
    assert wired.topics == declared


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        (
            "kafkasource-updates",
            lambda d: d["spec"].update(topics=["nowhere"]),
            "declares the topic 'nowhere'",
        ),
        ("kafkasink-reminders-dlq", lambda d: d["spec"].update(topic="lost"), "declares the topic 'lost'"),
        (
            "broker",
            lambda d: d["metadata"]["annotations"].update({EXTERNAL_TOPIC: "gone"}),
            "declares the topic 'gone'",
        ),
        (
            "kafkasink-reminders-dlq",
            lambda d: d["spec"].update(numPartitions=10),
            "is 10, and 3 in Kafka",
        ),
        ("kafkasink-reminders-dlq", lambda d: d["spec"].update(replicationFactor=3), "is 3, and 1 in"),
        ("broker-config", lambda d: d["data"].update({"default.topic.partitions": "10"}), "is 10, and 3 in"),
        ("kafkatopic-reminders", lambda d: d["spec"].update(partitions="3"), "spec.partitions must be"),
        ("kafkatopic-reminders", lambda d: d["spec"].update(replicas=0), "spec.replicas must be"),
        ("kafkatopic-reminders", lambda d: d["spec"].update(config={"retention.ms": -1}), "kept for ever"),
        ("kafkatopic-reminders", lambda d: d["spec"].update(config={"segment.ms": 1}), "segment.ms"),
    ],
)
def test_the_platform_refuses_what_is_not_declared(project, tmp_path, file, change, complaint):
    for folder in manifests.FOLDERS:
        shutil.copytree(project / folder, tmp_path / folder)
    path = tmp_path / f"eventing/{file}.yaml"
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(ManifestError, match=re.escape(complaint)):
        manifests.load(tmp_path)
