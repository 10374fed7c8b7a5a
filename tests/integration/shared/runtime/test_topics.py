"""`python -m shared.runtime.topics` against a real Kafka, as the installation's Job runs it."""

import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
import yaml
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from scripts.local import kafka_broker
from shared.testing.ports import reserve
from tests.real_kafka import need_kafka, real_kafka

PROJECT = Path(__file__).resolve().parents[4]
NAMES = [f"{topic}{end}" for topic in ("reminders", "task-events", "task-updates") for end in ("", "-dlq")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with real_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def mark():
    """Topics of one test are its own."""
    return uuid.uuid4().hex[:8]


@pytest.fixture
def folder(tmp_path, mark):
    """The declarations of the project, under names of this test."""
    target = tmp_path / "topics"
    target.mkdir()
    for path in PROJECT.glob("eventing/kafkatopic-*.yaml"):
        document = yaml.safe_load(path.read_text())
        document["spec"]["topicName"] = f"{mark}.{document['metadata']['name']}"
        (target / path.name).write_text(yaml.safe_dump(document))
    return target


def run(servers, folder, *options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "shared.runtime.topics", "--bootstrap", servers, *options, str(folder)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def stand(servers, mark):
    """Topic of this test → (partitions, retention.ms) as the broker says."""
    admin = KafkaAdminClient(bootstrap_servers=servers, api_version=(2, 6, 0))
    try:
        topics = {
            each["topic"]: len(each["partitions"])
            for each in admin.describe_topics()
            if each["topic"].startswith(mark)
        }
        asked = [ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": None}) for name in topics]
        kept = {
            name: entries[0][1]
            for answer in (admin.describe_configs(asked) if asked else [])
            for _, _, _, name, entries in answer.resources
        }
    finally:
        admin.close()
    return {name: (count, int(kept[name])) for name, count in topics.items()}


def made(servers, name, partitions, **config):
    admin = KafkaAdminClient(bootstrap_servers=servers, api_version=(2, 6, 0))
    admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
    admin.close()


def declared(folder):
    found = [yaml.safe_load(path.read_text()) for path in folder.glob("*.yaml")]
    return {
        d["spec"]["topicName"]: (d["spec"]["partitions"], d["spec"]["config"]["retention.ms"]) for d in found
    }


def lines(done):
    return sorted(done.stdout.splitlines())


def test_topics_are_made_as_declared_and_a_second_run_changes_nothing(broker, folder, mark):
    first = run(broker.servers, folder)
    assert (first.returncode, first.stderr) == (0, "")
    assert lines(first) == sorted(f"created: {mark}.{name}, 3 partitions" for name in NAMES)
    assert stand(broker.servers, mark) == declared(folder)

    second = run(broker.servers, folder)
    assert second.returncode == 0
    assert lines(second) == sorted(f"is there: {mark}.{name}, 3 partitions" for name in NAMES)
    assert stand(broker.servers, mark) == declared(folder)


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_topic_with_another_number_is_left_and_nothing_is_made_beside_it(broker, folder, mark, partitions):
    """What a KafkaSource on a missing topic leaves behind: one partition."""
    made(broker.servers, f"{mark}.task-events", partitions)
    done = run(broker.servers, folder)
    assert done.returncode == 1
    assert f"topic {mark}.task-events: {partitions} partitions there, 3 declared" in done.stderr
    assert "Traceback" not in done.stderr
    assert {n: c for n, (c, _) in stand(broker.servers, mark).items()} == {f"{mark}.task-events": partitions}


def test_another_retention_is_noted_and_stays(broker, folder, mark):
    made(broker.servers, f"{mark}.reminders", 3, **{"retention.ms": "1000"})
    done = run(broker.servers, folder)
    assert done.returncode == 0
    assert f"note: topic {mark}.reminders: retention.ms 1000 there, 604800000 declared" in lines(done)
    assert stand(broker.servers, mark)[f"{mark}.reminders"] == (3, 1000)


def test_a_compacted_topic_is_refused(broker, folder, mark):
    made(broker.servers, f"{mark}.reminders", 3, **{"cleanup.policy": "compact"})
    done = run(broker.servers, folder)
    assert done.returncode == 1
    assert f"topic {mark}.reminders: cleanup.policy compact there, delete declared" in done.stderr


def test_more_replicas_than_brokers_are_refused_by_name(broker, folder):
    done = run(broker.servers, folder, "--replicas", "3")
    assert done.returncode == 1
    assert "-dlq as it is declared: InvalidReplicationFactorError" in done.stderr


def test_a_broker_that_is_not_there_is_waited_for_and_no_longer(folder):
    began = time.monotonic()
    done = run("127.0.0.1:9", folder, "--wait", "2")
    assert done.returncode == 1
    assert done.stderr.startswith("topics: 127.0.0.1:9: No broker can be reached")
    assert time.monotonic() - began >= 2


def test_a_broker_that_comes_late_is_found(tmp_path, folder):
    need_kafka()
    late = kafka_broker.Broker(tmp_path / "late", reserve())
    timer = threading.Timer(2, late.start)
    timer.start()
    try:
        done = run(late.servers, folder, "--wait", "90")
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        timer.join()
        late.stop()
    assert done.stdout.count("created: ") == len(NAMES)


def test_a_broker_that_asks_who_is_there_is_told(tmp_path, folder):
    login = kafka_broker.Login("topics", "right")
    known = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_USER": "topics"}
    with real_kafka(tmp_path / "asking", login) as asking:
        refused = run(asking.servers, folder, "--wait", "1", **known, KAFKA_PASSWORD="wrong")
        unsaid = run(asking.servers, folder, "--wait", "1", **known)
        done = run(asking.servers, folder, **known, KAFKA_PASSWORD="right")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert (
        refused.stderr == f"topics: {asking.servers}: No broker answers to this login: NoBrokersAvailable.\n"
    )
    assert (unsaid.returncode, "KAFKA_PASSWORD: missing" in unsaid.stderr) == (1, True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("created: ") == len(NAMES)
