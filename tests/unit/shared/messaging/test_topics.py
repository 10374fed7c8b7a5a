"""What a KafkaTopic declares, and what is to be done when a topic stands there otherwise."""

import pytest

from shared.messaging.ports import Topic
from shared.messaging.topics import NotDeclared, compared, declared, read, replicated

DOCUMENT = {"kind": "KafkaTopic", "metadata": {"name": "t"}, "spec": {"partitions": 3, "replicas": 1}}


def test_a_declaration_is_read_with_kafkas_texts():
    config = {"retention.ms": 3600000, "cleanup.policy": "delete"}
    assert declared({**DOCUMENT, "spec": {**DOCUMENT["spec"], "config": config}}) == Topic(
        "t", 3, 1, {"retention.ms": "3600000", "cleanup.policy": "delete"}
    )


def test_the_topic_may_have_a_name_that_kubernetes_does_not_take():
    assert declared({**DOCUMENT, "spec": {**DOCUMENT["spec"], "topicName": "T_1"}}).name == "T_1"


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"partitions": 3}, "replicas"),
        ({"replicas": 1}, "partitions"),
        ({"partitions": 0, "replicas": 1}, "partitions"),
        ({"partitions": True, "replicas": 1}, "partitions"),
        ({"partitions": "3", "replicas": 1}, "partitions"),
        ({"partitions": 3, "replicas": 1, "config": ["a"]}, "config"),
        ({"partitions": 3, "replicas": 1, "config": {"a": None}}, "config"),
        ({"partitions": 3, "replicas": 1, "config": {"a": True}}, "config"),
        (None, "partitions"),
    ],
)
def test_what_is_no_declaration_is_refused_by_field(spec, wrong):
    with pytest.raises(ValueError, match=rf"spec\.{wrong}"):
        declared({**DOCUMENT, "spec": spec})


def test_a_declaration_has_a_name():
    with pytest.raises(ValueError, match=r"metadata\.name"):
        declared({**DOCUMENT, "metadata": {}})


def test_a_folder_is_read_for_its_topics_alone(tmp_path):
    (tmp_path / "b.yaml").write_text("kind: KafkaSink\nspec: {topic: t}\n")
    with pytest.raises(NotDeclared, match="no KafkaTopic"):
        read(tmp_path)
    (tmp_path / "a.yaml").write_text("kind: KafkaTopic\nmetadata: {name: t}\nspec: {partitions: 3}\n")
    with pytest.raises(NotDeclared, match=r"a\.yaml: spec\.replicas"):
        read(tmp_path)
    (tmp_path / "a.yaml").write_text(
        "kind: KafkaTopic\nmetadata: {name: t}\nspec: {partitions: 3, replicas: 1}\n---\n"
        "kind: KafkaTopic\nmetadata: {name: u}\nspec: {partitions: 4, replicas: 1}\n"
    )
    assert read(tmp_path) == [Topic("t", 3), Topic("u", 4)]


def test_what_is_missing_is_created_and_what_is_there_is_left():
    wanted = [Topic("a", 3), Topic("b", 3)]
    found = compared(wanted, {"a": Topic("a", 3)})
    assert (found.missing, found.refused, found.noted) == ((wanted[1],), (), ())


@pytest.mark.parametrize("there", [1, 2, 4, 30])
def test_another_number_of_partitions_is_refused_more_and_less_alike(there):
    found = compared([Topic("a", 3)], {"a": Topic("a", there)})
    (line,) = found.refused
    assert line.startswith(f"topic a: {there} partitions there, 3 declared;")
    assert found.missing == ()


def test_compaction_is_refused_and_other_differences_are_noted():
    wanted = Topic("a", 3, 3, {"cleanup.policy": "delete", "retention.ms": "5", "min.insync.replicas": "2"})
    there = Topic("a", 3, 1, {"cleanup.policy": "compact", "retention.ms": "6", "min.insync.replicas": "2"})
    found = compared([wanted], {"a": there})
    assert found.refused == ("topic a: cleanup.policy compact there, delete declared",)
    assert found.noted == (
        "topic a: retention.ms 6 there, 5 declared",
        "topic a: 1 replicas there, 3 declared",
    )


@pytest.mark.parametrize(("brokers", "insync"), [(1, "1"), (2, "1"), (3, "2")])
def test_more_brokers_mean_more_copies_of_which_one_may_be_missing(brokers, insync):
    found = replicated(Topic("a", 3, 1, {"retention.ms": "5", "min.insync.replicas": "1"}), brokers)
    assert found == Topic("a", 3, brokers, {"retention.ms": "5", "min.insync.replicas": insync})
