import pytest

from scripts.cluster.topics_job import Topic, WrongTopic, declared, missing

MANIFEST = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: task-events}
spec: {partitions: 3, replicas: 1, config: {retention.ms: 604800000, unclean.leader.election.enable: false}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
"""
EVENTS = Topic("task-events", 3, 1, {})


def test_only_topics_are_read_and_their_settings_become_kafkas_words(tmp_path):
    (tmp_path / "topic.yaml").write_text(MANIFEST)
    settings = {"retention.ms": "604800000", "unclean.leader.election.enable": "false"}
    assert declared(tmp_path) == [Topic("task-events", 3, 1, settings)]


def test_a_topic_may_be_called_otherwise_than_its_object(tmp_path):
    (tmp_path / "topic.yaml").write_text(MANIFEST.replace("spec: {", "spec: {topicName: task.events, "))
    assert declared(tmp_path)[0].name == "task.events"


def test_what_exists_is_left_alone():
    assert missing([EVENTS], {}) == [EVENTS]
    assert missing([EVENTS], {"task-events": 3}) == []
    assert missing([EVENTS], {"task-events": 6}) == []


def test_a_topic_with_too_few_partitions_is_a_persons_decision():
    with pytest.raises(WrongTopic, match="has 1 partitions, declared are 3"):
        missing([EVENTS], {"task-events": 1})
