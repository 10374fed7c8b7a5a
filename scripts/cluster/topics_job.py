"""Creates the declared topics in a Kafka that has no Strimzi: `python -m scripts.cluster.topics_job`.

Reads the KafkaTopic objects below MANIFESTS; a topic that exists with fewer partitions than declared is a
fault that somebody must decide about, since enlarging it changes the order of its keys.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError


@dataclass(frozen=True)
class Topic:
    """What a KafkaTopic object declares."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str]


class WrongTopic(Exception):
    """A topic exists in another shape; the message says what to do."""


def declared(folder: Path) -> list[Topic]:
    """Every KafkaTopic below `folder`."""
    documents = [
        document
        for path in sorted(folder.rglob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        if document and document.get("kind") == "KafkaTopic"
    ]
    return [_topic(document) for document in documents]


def _topic(document: Mapping[str, Any]) -> Topic:
    spec = document["spec"]
    return Topic(
        name=str(spec.get("topicName") or document["metadata"]["name"]),
        partitions=int(spec["partitions"]),
        replicas=int(spec["replicas"]),
        config={name: _text(value) for name, value in (spec.get("config") or {}).items()},
    )


def _text(value: object) -> str:
    """Kafka writes booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def missing(wanted: list[Topic], existing: Mapping[str, int]) -> list[Topic]:
    """The topics to create; `existing` is name → partitions. WrongTopic names every one that is too small."""
    small = [topic for topic in wanted if existing.get(topic.name, topic.partitions) < topic.partitions]
    if small:
        raise WrongTopic(
            "\n".join(
                f"topic {topic.name} has {existing[topic.name]} partitions, declared are {topic.partitions}: "
                "delete it while nothing consumes it, or enlarge it knowing that the order of keys changes"
                for topic in small
            )
        )
    return [topic for topic in wanted if topic.name not in existing]


def create(servers: str, wanted: list[Topic], *, brokers: int = 1) -> list[str]:
    """The names that were created; replication is what `brokers` allow."""
    admin = KafkaAdminClient(bootstrap_servers=servers.split(","), api_version=(2, 6, 0))
    try:
        found = {item["topic"]: len(item["partitions"]) for item in admin.describe_topics()}
        new = [
            NewTopic(topic.name, topic.partitions, min(topic.replicas, brokers), topic_configs=topic.config)
            for topic in missing(wanted, found)
        ]
        if new:
            admin.create_topics(new)
        return [topic.name for topic in new]
    finally:
        admin.close()


def main() -> int:
    """1 with one line for what is wrong."""
    wanted = declared(Path(os.environ["MANIFESTS"]))
    try:
        made = create(os.environ["KAFKA_BOOTSTRAP_SERVERS"], wanted)
    except (KafkaError, WrongTopic) as error:
        print(f"topics: {error}", file=sys.stderr)
        return 1
    print(f"topics: {len(wanted)} declared, created: {', '.join(made) or 'none'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
