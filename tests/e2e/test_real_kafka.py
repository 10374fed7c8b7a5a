"""The main job with the topics in a real Apache Kafka: the same platform, `--kafka HOST:PORT`."""

from pathlib import Path

import pytest

from tests.e2e.conftest import eventually
from tests.real_kafka import real_kafka

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}


@pytest.fixture
def kafka(tmp_path: Path):
    with real_kafka(tmp_path / "kafka") as broker:
        yield broker


def test_the_main_job_on_kafka_survives_the_brokers_death(kafka, own_platform):
    platform = own_platform("--kafka", kafka.servers)
    ada = platform.user("ada")
    ada.complete(ada.create(**DAILY))
    (second,) = eventually(ada.open_tasks, what="the next occurrence")
    eventually(lambda: len(ada.items("/v1/audit")) == 3, what="three audit entries")
    kafka.kill()
    ada.complete(second)
    assert ada.open_tasks() == []
    kafka.start()
    eventually(platform.settled, what="the sources are back")

    def third():
        platform.control("/tick/relay")
        return ada.open_tasks()

    eventually(third, what="the occurrence after the outage")
    eventually(lambda: len(ada.items("/v1/audit")) == 5, what="every event once")
    assert ada("GET", "/v1/audit/verify").json()["valid"] is True
    kafka.kill()
    assert platform.stop() == 0, "a platform must stop without its broker, too"
