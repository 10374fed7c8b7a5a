"""The three logs that the publishers write to: a real Kafka, the local platform's log, the one in memory."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from scripts.local.destinations import Destinations
from scripts.local.doors import Doors
from scripts.local.log import EmbeddedTopics
from scripts.local.model import Wiring
from shared.messaging.connect import connect
from shared.messaging.ports import Publisher, PublishError, Record, Topic
from shared.testing.log import MemoryLog
from tests.real_kafka import real_kafka

TOPICS = ("task-events", "reminders")
PARTITIONS = 3


@dataclass(frozen=True)
class Stored:
    """One record as a reader of the log finds it."""

    partition: int | None
    key: str
    headers: dict[str, str]
    value: bytes


@dataclass(frozen=True)
class Log:
    """A log under test: its publisher, and everything in a topic, partition by partition."""

    publisher: Publisher
    read: Callable[[str], list[Stored]]
    limits_records: bool = True
    partitions: bool = True


@pytest.fixture(scope="session")
def kafka_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.servers, api_version=(2, 6, 0))
        admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS])
        admin.close()
        _until_led(broker.servers)
        yield broker.servers


def _until_led(servers: str) -> None:
    """A topic that was just created has no leader for a moment; records are refused until it has."""
    publisher = connect(servers)
    records = [Record(topic, f"warm-{n}", {}, b"") for topic in TOPICS for n in range(30)]
    deadline = time.monotonic() + 30
    while True:
        try:
            if publisher.publish(records, timeout=5) == len(records):
                break
        except PublishError:
            assert time.monotonic() < deadline
    publisher.close(timeout=5)


def _read_kafka(servers: str, topic: str) -> list[Stored]:
    consumer: Any = KafkaConsumer(bootstrap_servers=servers, api_version=(2, 6, 0), enable_auto_commit=False)
    try:
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: list[Any] = []
        while len(found) < sum(ends.values()):
            for records in consumer.poll(timeout_ms=1000).values():
                found += records
    finally:
        consumer.close()
    return [
        Stored(r.partition, r.key.decode(), {n: v.decode() for n, v in r.headers}, r.value) for r in found
    ]


@contextlib.contextmanager
def _embedded(directory: Path) -> Iterator[tuple[str, EmbeddedTopics]]:
    """The platform's inner listener with nothing behind it but the log."""
    topics = EmbeddedTopics(directory)
    declared = {topic: Topic(topic, PARTITIONS) for topic in TOPICS}
    asyncio.run(topics.ensure(tuple(declared.values())))
    wiring = Wiring("todo-app", {}, (), {}, {}, {}, declared)
    doors = Doors(wiring, topics=topics, revisions={}, destinations=Destinations(wiring, topics, {}), jwks={})
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(doors, log_config=None, lifespan="off"))  # type: ignore[arg-type]  # an ASGI app
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", topics
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        asyncio.run(topics.close())


def _read_embedded(topics: EmbeddedTopics, topic: str) -> list[Stored]:
    found: list[Stored] = []
    for partition in range(PARTITIONS):
        place = (topic, partition)
        for record in asyncio.run(topics.read(place, 0, limit=topics.end(place))):
            headers = {name: value.decode() for name, value in record.headers}
            assert record.key is not None
            assert record.value is not None
            found.append(Stored(partition, record.key.decode(), headers, record.value))
    return found


@pytest.fixture(params=["memory", "embedded", "kafka"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    if request.param == "memory":
        memory = MemoryLog(TOPICS)
        yield Log(
            memory,
            lambda topic: [
                Stored(None, r.key, dict(r.headers), r.value) for r in memory.stored if r.topic == topic
            ],
            partitions=False,
        )
    elif request.param == "embedded":
        with _embedded(tmp_path) as (url, topics):
            publisher = connect(url)
            yield Log(publisher, lambda topic: _read_embedded(topics, topic), limits_records=False)
            publisher.close(timeout=5)
    else:
        servers = request.getfixturevalue("kafka_servers")
        publisher = connect(servers)
        yield Log(publisher, lambda topic: _read_kafka(servers, topic))
        publisher.close(timeout=5)
