"""The topics that the KafkaTopics of eventing/ declare; nobody may name another. Used by manifests.py."""

from collections.abc import Mapping

from scripts.local.document import Node
from scripts.local.topics import retention_ms
from shared.messaging.ports import Topic
from shared.messaging.topics import declared

EXTERNAL_TOPIC = "kafka.eventing.knative.dev/external.topic"
Objects = Mapping[str, Mapping[str, Node]]


def declared_topics(objects: Objects) -> dict[str, Topic]:
    """By name; ManifestError for what is no declaration, and for a topic that is used without one."""
    found: dict[str, Topic] = {}
    for node in objects["KafkaTopic"].values():
        try:
            topic = declared(node.value)
            retention_ms(topic)
        except ValueError as error:
            raise node.error(str(error)) from None
        found[topic.name] = topic
    _refuse_undeclared(objects, found)
    return found


def _refuse_undeclared(objects: Objects, topics: Mapping[str, Topic]) -> None:
    """A source would create a missing topic with one partition; and who says a number must say the same."""
    for source in objects["KafkaSource"].values():
        for item in source["spec"]["topics"]:
            _declared(item, topics)
    for broker in objects["Broker"].values():
        topic = _declared(broker["metadata"]["annotations"][EXTERNAL_TOPIC], topics)
        config = broker["spec"]["config"]["name"]
        if not config:
            continue
        if config.text() not in objects["ConfigMap"]:
            raise config.error(f"there is no ConfigMap {config.text()!r} in the manifests")
        data = objects["ConfigMap"][config.text()]["data"]
        _same(data["default.topic.partitions"], topic.partitions, topic)
        _same(data["default.topic.replication.factor"], topic.replicas, topic)
    for sink in objects["KafkaSink"].values():
        topic = _declared(sink["spec"]["topic"], topics)
        _same(sink["spec"]["numPartitions"], topic.partitions, topic)
        _same(sink["spec"]["replicationFactor"], topic.replicas, topic)


def _declared(node: Node, topics: Mapping[str, Topic]) -> Topic:
    if node.text() not in topics:
        raise node.error(f"no KafkaTopic in eventing/ declares the topic {node.text()!r}")
    return topics[node.text()]


def _same(node: Node, number: int, topic: Topic) -> None:
    if node and str(node.value) != str(number):
        raise node.error(f"is {node.value}, and {number} in KafkaTopic {topic.name!r}")
