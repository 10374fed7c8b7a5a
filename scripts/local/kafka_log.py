"""The adapter of `topics.Topics` for a real Kafka (`scripts/run --kafka HOST:PORT`).

Partitions are assigned explicitly and offsets committed to the group, so only one platform at a time may read
with a group. kafka-python-ng does not support asyncio, so every group has a thread with its consumer.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from scripts.local.topics import NewRecord, Partition, Position, Record, TopicsUnavailable, UnknownTopic
from shared.messaging.kafka import KafkaTopicAdmin
from shared.messaging.ports import PublishError, Topic
from shared.messaging.topics import ensure

_T = TypeVar("_T")
_API = (2, 6, 0)  # fixed: probing for versions would take 100 ms per client and fail on a slow broker
_STOP = 5.0  # seconds that a client gets to end
_WAIT = 10.0
_BUFFERED = 50


class KafkaTopics:
    """All topics of one broker; `servers` = HOST:PORT[,…]."""

    def __init__(self, servers: str) -> None:
        self._config: dict[str, Any] = {"bootstrap_servers": servers.split(","), "api_version": _API}
        self._servers = servers
        self._work = ThreadPoolExecutor(max_workers=4, thread_name_prefix="kafka")
        self._producer: Any = None  # kafka-python-ng has no types
        self._reader: Any = None
        self._reading = threading.Lock()
        self._partitions: dict[str, int] = {}
        self._subscriptions: list[KafkaSubscription] = []

    async def ensure(self, topics: Sequence[Topic]) -> None:
        try:
            await self._run(self._create, topics)
        except PublishError as error:
            raise TopicsUnavailable(f"Kafka at {self._servers} (--kafka): {error}") from error

    async def discover(self) -> None:
        """Takes over every topic of the broker, for tools that have no manifests."""
        await self._run(self._discover)

    async def append(self, records: Sequence[NewRecord]) -> list[Position]:
        for record in records:
            if record.topic not in self._partitions:
                raise UnknownTopic(record.topic)
        return await self._run(self._send, records)

    async def subscribe(self, group: str, topics: Sequence[str], *, earliest: bool) -> "KafkaSubscription":
        for topic in topics:
            if topic not in self._partitions:
                raise UnknownTopic(topic)
        partitions = [(topic, p) for topic in topics for p in range(self._partitions[topic])]
        subscription = KafkaSubscription(partitions, {**self._config, "group_id": group}, earliest=earliest)
        await self._run(subscription.open)
        subscription.start(asyncio.get_running_loop())
        self._subscriptions.append(subscription)
        return subscription

    async def starts(self) -> Mapping[Partition, int]:
        return await self._run(self._starts)

    async def ends(self) -> Mapping[Partition, int]:
        return await self._run(self._ends)

    async def read(self, partition: Partition, offset: int, *, limit: int) -> list[Record]:
        if partition[1] >= self._partitions.get(partition[0], 0):
            raise UnknownTopic(partition[0])
        return await self._run(self._read, partition, offset, limit)

    async def forget(self, *, before: Mapping[str, int]) -> None:
        """Does nothing: the broker drops records by the retention of its topics."""

    async def close(self) -> None:
        """Ends within seconds even without a broker; what was not committed is delivered again."""
        await asyncio.gather(*(item.close() for item in self._subscriptions))
        loop = asyncio.get_running_loop()
        if self._producer is not None:
            await loop.run_in_executor(self._work, partial(self._producer.close, timeout=_STOP))
        if self._reader is not None:
            await loop.run_in_executor(self._work, self._reader.close)
        self._work.shutdown(wait=True)

    async def _run(self, work: Callable[..., _T], *arguments: Any) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._work, work, *arguments)
        except KafkaError as error:
            raise TopicsUnavailable(f"Kafka at {self._servers} (--kafka): {error}") from error

    def _create(self, topics: Sequence[Topic]) -> None:
        with contextlib.closing(KafkaTopicAdmin(self._servers)) as admin:
            ensure(admin, topics)
        for topic in topics:
            self._partitions[topic.name] = self._count(topic.name)

    def _discover(self) -> None:
        with self._client() as reader:
            names = sorted(name for name in reader.topics() if not name.startswith("__"))
        self._partitions = {name: self._count(name) for name in names}

    def _count(self, topic: str) -> int:
        """Partitions of a topic. Right after its creation the metadata may not have it yet."""
        deadline = time.monotonic() + _WAIT
        with self._client() as reader:
            while not (found := reader.partitions_for_topic(topic)):
                if time.monotonic() > deadline:
                    raise TopicsUnavailable(f"Kafka at {self._servers} does not show topic {topic!r}")
                time.sleep(0.05)
            return len(found)

    def _send(self, records: Sequence[NewRecord]) -> list[Position]:
        if self._producer is None:
            self._producer = KafkaProducer(
                **self._config,
                acks="all",
                max_in_flight_requests_per_connection=1,  # order, as there is no idempotent producer
                retries=3,
                max_block_ms=5000,
                request_timeout_ms=5000,
            )
        sent = [
            self._producer.send(item.topic, key=item.key, value=_value(item), headers=list(item.headers))
            for item in records
        ]
        done = [future.get(timeout=_WAIT) for future in sent]
        return [Position(item.topic, item.partition, item.offset) for item in done]

    def _starts(self) -> dict[Partition, int]:
        with self._client() as reader:
            return _by_partition(reader.beginning_offsets(self._places()))

    def _ends(self) -> dict[Partition, int]:
        with self._client() as reader:
            return _by_partition(reader.end_offsets(self._places()))

    def _places(self) -> list[TopicPartition]:
        return [TopicPartition(topic, p) for topic, count in self._partitions.items() for p in range(count)]

    def _read(self, partition: Partition, offset: int, limit: int) -> list[Record]:
        place = TopicPartition(*partition)
        with self._client() as reader:
            first, end = reader.beginning_offsets([place])[place], reader.end_offsets([place])[place]
            start = max(offset, first)
            reader.assign([place])
            reader.seek(place, start)
            found: list[Record] = []
            deadline = time.monotonic() + _WAIT
            while reader.position(place) < end and len(found) < limit and time.monotonic() < deadline:
                found += [_record(item) for item in reader.poll(200).get(place, ())]
            return found[:limit]

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        """The consumer without a group, one user at a time."""
        with self._reading:
            if self._reader is None:
                self._reader = KafkaConsumer(
                    **self._config, enable_auto_commit=False, auto_offset_reset="earliest"
                )
            yield self._reader


class KafkaSubscription:
    """One group: a thread polls, commits and hands over; at most 50 records per partition wait."""

    def __init__(self, partitions: Sequence[Partition], config: dict[str, Any], *, earliest: bool) -> None:
        self._config, self._earliest = config, earliest
        self._queues: dict[Partition, asyncio.Queue[Record]] = {
            place: asyncio.Queue() for place in partitions
        }
        self._committed: dict[Partition, int] = {}
        self._pending: dict[Partition, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._consumer: Any = None

    @property
    def partitions(self) -> Sequence[Partition]:
        return tuple(self._queues)

    async def next(self, partition: Partition) -> Record:
        return await self._queues[partition].get()

    def commit(self, partition: Partition, offset: int) -> None:
        with self._lock:
            self._committed[partition] = self._pending[partition] = offset

    def committed(self) -> Mapping[Partition, int]:
        with self._lock:
            return dict(self._committed)

    async def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, _STOP)
            self._thread = None

    def open(self) -> None:
        """Finds the group's place; blocking."""
        self._consumer = KafkaConsumer(**self._config, enable_auto_commit=False, max_poll_records=_BUFFERED)
        places = [TopicPartition(*place) for place in self._queues]
        self._consumer.assign(places)
        edges = (
            self._consumer.beginning_offsets(places) if self._earliest else self._consumer.end_offsets(places)
        )
        for place in places:
            stored = self._consumer.committed(place)
            start = edges[place] if stored is None else stored
            self._consumer.seek(place, start)
            self._committed[(place.topic, place.partition)] = start
            if stored is None:  # so that "latest" means the first start and not every one
                self._pending[(place.topic, place.partition)] = start

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._thread = threading.Thread(
            # A daemon: without a broker the client's commit never ends.
            target=self._poll,
            args=(loop,),
            name=f"kafka {self._config['group_id']}",
            daemon=True,
        )
        self._thread.start()

    def _poll(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            try:
                self._save()
                self._throttle()
                for batch in self._consumer.poll(100).values():
                    for item in batch:
                        place = (item.topic, item.partition)
                        loop.call_soon_threadsafe(self._queues[place].put_nowait, _record(item))
            except KafkaError:  # the broker is away: what is pending is committed when it is back
                self._stop.wait(0.5)
        with contextlib.suppress(KafkaError):
            self._save()
        self._consumer.close(autocommit=False)

    def _save(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        if not pending:
            return
        try:
            self._consumer.commit(
                {TopicPartition(*place): OffsetAndMetadata(offset, "") for place, offset in pending.items()}
            )
        except KafkaError:
            with self._lock:
                self._pending = {**pending, **self._pending}
            raise

    def _throttle(self) -> None:
        full = [TopicPartition(*place) for place, queue in self._queues.items() if queue.qsize() >= _BUFFERED]
        for place in self._consumer.paused() - set(full):
            self._consumer.resume(place)
        if full:
            self._consumer.pause(*full)


def _by_partition(offsets: Mapping[Any, int]) -> dict[Partition, int]:
    return {(place.topic, place.partition): offset for place, offset in offsets.items()}


def _value(record: NewRecord) -> bytes | None:
    """The client refuses a record with neither key nor value: then the value is empty."""
    return b"" if record.key is None and record.value is None else record.value


def _record(item: Any) -> Record:
    headers = tuple((name, content or b"") for name, content in item.headers)
    return Record(item.topic, item.partition, item.offset, item.timestamp, item.key, headers, item.value)
