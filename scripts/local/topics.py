"""The interface to the topics: records, positions, partitioning. log.py and kafka_log.py implement it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.messaging.ports import Topic

Partition = tuple[str, int]
_WEEK_MS = 7 * 24 * 3600 * 1000


class UnknownTopic(Exception):
    """The topic does not exist; the manifests name every topic that does."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"unknown topic {topic!r}: no KafkaTopic in eventing/ declares it")
        self.topic = topic


class TopicsUnavailable(Exception):
    """The topics cannot be written or read now; the same call may work later."""


@dataclass(frozen=True)
class NewRecord:
    """A record to append; the partition follows from the key."""

    topic: str
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    value: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Record:
    """A stored record; `timestamp` in milliseconds since 1970.

    `damaged`: its bytes are not those that were written, so only its offset is known.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None = field(repr=False)
    damaged: bool = False


@dataclass(frozen=True)
class Position:
    """Where a record was stored."""

    topic: str
    partition: int
    offset: int


class Subscription(Protocol):
    """The place of one consumer group in its topics; used by one task per partition."""

    @property
    def partitions(self) -> Sequence[Partition]:
        """Every partition of the topics."""
        ...

    async def next(self, partition: Partition) -> Record:
        """The next record, waiting for it; each record once per subscription."""
        ...

    def commit(self, partition: Partition, offset: int) -> None:
        """Everything below `offset` is done. It is stored soon, at the latest at close.

        Raises TopicsUnavailable when it cannot be stored now; then it still counts, and the next commit
        stores it.
        """
        ...

    def committed(self) -> Mapping[Partition, int]:
        """The next offset to deliver, by partition, as committed."""
        ...

    async def close(self) -> None:
        """Stores the last commits and ends the subscription."""
        ...


class Topics(Protocol):
    """All topics of one platform."""

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Creates what is missing, as declared; TopicsDiffer when one is there otherwise."""
        ...

    async def append(self, records: Sequence[NewRecord]) -> list[Position]:
        """Stores all (durable, in order) or raises UnknownTopic or TopicsUnavailable."""
        ...

    async def subscribe(self, group: str, topics: Sequence[str], *, earliest: bool) -> Subscription:
        """Continues where the group stopped, or starts at the earliest or latest record.

        A group whose next record was dropped continues at the earliest.
        """
        ...

    async def starts(self) -> Mapping[Partition, int]:
        """The offset of the oldest record, of every partition."""
        ...

    async def ends(self) -> Mapping[Partition, int]:
        """The offset after the last record, of every partition."""
        ...

    async def read(self, partition: Partition, offset: int, *, limit: int) -> list[Record]:
        """Up to `limit` stored records from `offset` (or the earliest), without a group."""
        ...

    async def forget(self, *, before: Mapping[str, int]) -> None:
        """Drops records of each topic older than its `before` (milliseconds since 1970) that every open
        subscription passed.

        Raises TopicsUnavailable when it could not everywhere. A Kafka has its own retention: there it does
        nothing.
        """
        ...

    async def close(self) -> None:
        """Ends every subscription and connection."""
        ...


def retention_ms(topic: Topic) -> int:
    """How long its records are kept; Kafka's own default when nothing is declared."""
    kept = int(topic.config.get("retention.ms", _WEEK_MS))
    if kept < 1:
        raise ValueError("retention.ms must be ≥ 1: no topic is kept for ever")
    return kept


def partition_for(key: bytes, partitions: int) -> int:
    """Kafka's default partitioner for a key: murmur2, sign bit cleared, modulo."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """murmur2 as in org.apache.kafka.common.utils.Utils, 32 bits."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15
