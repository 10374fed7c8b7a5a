"""The interfaces through which the outbox drain publishes and `topics` creates topics.

`kafka` implements both, `embedded` the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Record:
    """One record to produce: `key` decides the partition, headers are UTF-8 text."""

    topic: str
    key: str
    headers: Mapping[str, str]
    value: bytes


class PublishError(Exception):
    """The log did not acknowledge a record; whether it and the records after it are stored is unknown."""


class Refused(PublishError):  # about one record, not about the log
    """The log works and refuses this one record; trying again soon cannot help."""


class UnknownTopic(Refused):
    """The log has no such topic; trying again cannot help until somebody creates it."""


class TooLarge(Refused):
    """The record exceeds what the log stores."""


class Publisher(Protocol):
    """Produces records in order. Thread-safe; built after the process forked."""

    def publish(self, records: Sequence[Record], *, timeout: float) -> int:
        """Produce in order, wait ≤ `timeout` seconds, return the length of the acknowledged prefix.

        When not even the first was acknowledged: raises Refused if that record is the reason (call again
        with the rest to go on), else PublishError.

        A record reported as failed may still have been stored: consumers deduplicate by event id.
        """

    def close(self, *, timeout: float) -> None:
        """Flush for at most `timeout` seconds and release sockets and threads."""


@dataclass(frozen=True)
class Topic:
    """A topic as a KafkaTopic of eventing/ declares it, or as a Kafka has it; `config` as Kafka spells it."""

    name: str
    partitions: int
    replicas: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


class TopicAdmin(Protocol):
    """The topics of one Kafka. Every call raises PublishError when no broker answers."""

    def existing(self, wanted: Sequence[Topic]) -> Mapping[str, Topic]:
        """Those of `wanted` that are there, as they are, with the configuration that `wanted` speaks of."""

    def create(self, topics: Sequence[Topic]) -> None:
        """Create what is not there; one that somebody else has just created is no error.

        Raises Refused when the broker does not take a topic as it is declared.
        """

    def led(self, names: Sequence[str]) -> bool:
        """Whether every partition of these topics can be written and read."""

    def close(self) -> None:
        """Release sockets."""
