"""What the KafkaTopics of eventing/ declare, and what has to be done so that a Kafka has these topics.

Nothing is created when one topic stands there otherwise than declared: another number of partitions moves
users to other partitions, and the order of their events is gone. Used by `runtime/topics` and the local
platform.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared.messaging.ports import Topic, TopicAdmin

_KIND = "KafkaTopic"


class TopicsDiffer(Exception):
    """Topics stand there otherwise than declared; one line for each."""


class NotDeclared(Exception):
    """A file does not declare a topic; names it and what is wrong."""


@dataclass(frozen=True)
class Comparison:
    """What is missing, what must not be touched by us, and what is merely different."""

    missing: tuple[Topic, ...]
    refused: tuple[str, ...]
    noted: tuple[str, ...]


def declared(document: Mapping[str, Any]) -> Topic:
    """The topic of one KafkaTopic; ValueError says which field is wrong."""
    spec, metadata = document.get("spec") or {}, document.get("metadata") or {}
    for key in ("partitions", "replicas"):
        if type(spec.get(key)) is not int or spec[key] < 1:
            raise ValueError(f"spec.{key} must be an integer ≥ 1")
    config = spec.get("config") or {}
    if not isinstance(config, Mapping) or not all(type(v) in (str, int) for v in config.values()):
        raise ValueError("spec.config must map to texts and integers")
    name = spec.get("topicName") or metadata.get("name")
    if not name:
        raise ValueError("metadata.name is missing")
    return Topic(str(name), spec["partitions"], spec["replicas"], {k: str(v) for k, v in config.items()})


def read(directory: Path) -> list[Topic]:
    """Every KafkaTopic in the YAML files of `directory`."""
    import yaml  # the functions never need it

    found = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            documents = list(yaml.safe_load_all(path.read_text()))
            found += [declared(d) for d in documents if isinstance(d, dict) and d.get("kind") == _KIND]
        except (ValueError, yaml.YAMLError) as error:
            raise NotDeclared(f"{path}: {' '.join(str(error).split())}") from error
    if not found:
        raise NotDeclared(f"{directory}: no {_KIND} in its *.yaml")
    return found


def compared(wanted: Sequence[Topic], existing: Mapping[str, Topic]) -> Comparison:
    """Pure: what has to be done so that every topic is as declared."""
    refused: list[str] = []
    noted: list[str] = []
    for topic in wanted:
        there = existing.get(topic.name)
        if there is None:
            continue
        if there.partitions != topic.partitions:
            refused.append(
                f"topic {topic.name}: {there.partitions} partitions there, {topic.partitions} declared; "
                "another number would break the order of each user's events"
            )
        for key, value in topic.config.items():
            if there.config.get(key) != value:
                line = f"topic {topic.name}: {key} {there.config.get(key)} there, {value} declared"
                (refused if key == "cleanup.policy" else noted).append(line)
        if there.replicas != topic.replicas:
            noted.append(f"topic {topic.name}: {there.replicas} replicas there, {topic.replicas} declared")
    missing = tuple(topic for topic in wanted if topic.name not in existing)
    return Comparison(missing, tuple(refused), tuple(noted))


def replicated(topic: Topic, replicas: int) -> Topic:
    """The same topic on a cluster of so many brokers: a write is safe on all of them but one."""
    config = {**topic.config, "min.insync.replicas": str(max(1, replicas - 1))}
    return replace(topic, replicas=replicas, config=config)


def ensure(admin: TopicAdmin, wanted: Sequence[Topic]) -> Comparison:
    """Create what is missing and say what there was to do; TopicsDiffer before anything is created."""
    found = compared(wanted, admin.existing(wanted))
    if found.refused:
        raise TopicsDiffer("\n".join(found.refused))
    admin.create(found.missing)
    return found
