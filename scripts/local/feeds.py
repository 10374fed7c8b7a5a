"""KafkaSources and Triggers at run time: one consumer group each, records in, deliveries out.

`ordered`: one event in flight per partition. `unordered`: up to 50 per partition, and the offset moves only
to the first one that is not done. After a crash the events in flight are repeated, as in the cluster.
"""

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scripts.local.delivery import Deliverer, Result
from scripts.local.events import CloudEvent, MalformedEvent, from_kafka
from scripts.local.model import Feed
from scripts.local.topics import Partition, Record, Subscription, Topics, TopicsUnavailable

UNORDERED_IN_FLIGHT = 50  # max.poll.records of the data plane
_ILLEGAL = re.compile(r"[^a-z0-9]")


class RunningFeed:
    """Consumes until it is closed."""

    def __init__(self, feed: Feed, deliverer: Deliverer, *, namespace: str) -> None:
        self.feed = feed
        self._deliverer, self._namespace = deliverer, namespace
        self._subscription: Subscription | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._in_flight: dict[Partition, int] = {}
        self._counts = {"delivered": 0, "dead_lettered": 0, "lost": 0, "filtered": 0, "discarded": 0}
        self._last_error: dict[str, Any] | None = None

    async def open(self, topics: Topics) -> None:
        """Starts to deliver from the group's offsets on."""
        feed = self.feed
        self._subscription = await topics.subscribe(feed.group, feed.topics, earliest=feed.earliest)
        consume = self._ordered if feed.ordered else self._unordered
        self._tasks = [
            asyncio.create_task(consume(self._subscription, partition), name=f"{feed.name}/{partition}")
            for partition in self._subscription.partitions
        ]
        for task in self._tasks:
            task.add_done_callback(self._stopped)

    async def close(self) -> None:
        """Stops; events in flight will be delivered again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.close()

    def complain(self, message: str) -> None:
        """Keeps the last problem for the status page."""
        self._last_error = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "message": message}

    def status(self, ends: Mapping[Partition, int]) -> dict[str, object]:
        committed = self._subscription.committed() if self._subscription is not None else {}
        partitions = [
            {
                "topic": place[0],
                "partition": place[1],
                "offset": offset,
                "end": ends.get(place, offset),
                "lag": max(0, ends.get(place, offset) - offset),
                "in_flight": self._in_flight.get(place, 0),
            }
            for place, offset in sorted(committed.items())
        ]
        lag = sum(max(0, ends.get(place, offset) - offset) for place, offset in committed.items())
        return {
            "group": self.feed.group,
            "sink": self.feed.sink.url(self._namespace),
            "ordered": self.feed.ordered,
            "lag": lag,
            "partitions": partitions,
            "counts": dict(self._counts),
            "last_error": self._last_error,
        }

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.complain(f"consumer {task.get_name()} STOPPED, restart the platform: {error!r}")

    async def _ordered(self, subscription: Subscription, partition: Partition) -> None:
        while True:
            record = await self._next(subscription, partition)
            self._in_flight[partition] = 1
            await self._handle(record)
            self._in_flight[partition] = 0
            self._commit(subscription, partition, record.offset + 1)

    async def _unordered(self, subscription: Subscription, partition: Partition) -> None:
        window: deque[tuple[Record, asyncio.Task[None]]] = deque()
        free = asyncio.Semaphore(UNORDERED_IN_FLIGHT)

        def settle(_: object) -> None:
            free.release()
            self._in_flight[partition] -= 1
            while window and window[0][1].done() and not window[0][1].cancelled():
                self._commit(subscription, partition, window.popleft()[0].offset + 1)

        try:
            while True:
                await free.acquire()
                record = await self._next(subscription, partition)
                task = asyncio.create_task(self._handle(record))
                self._in_flight[partition] = self._in_flight.get(partition, 0) + 1
                window.append((record, task))
                task.add_done_callback(settle)
        finally:
            for _, task in list(window):
                task.cancel()

    def _commit(self, subscription: Subscription, partition: Partition, offset: int) -> None:
        """Commit; a full disk does not stop the feed, but a crash would then repeat the events since."""
        try:
            subscription.commit(partition, offset)
        except TopicsUnavailable as error:
            self.complain(str(error))

    async def _next(self, subscription: Subscription, partition: Partition) -> Record:
        while True:
            try:
                return await subscription.next(partition)
            except TopicsUnavailable as error:
                self.complain(str(error))
                await asyncio.sleep(1)

    async def _handle(self, record: Record) -> None:
        event = None if record.damaged else self.event(record)
        if event is None:
            self._counts["discarded"] += 1
            reason = "damaged on disk" if record.damaged else "not a CloudEvent"
            self.complain(f"{record.topic}/{record.partition}@{record.offset} discarded: {reason}")
        elif not self.feed.filter(event.attributes):
            self._counts["filtered"] += 1
        else:
            result: Result = await self._deliverer.deliver(event)
            self._counts[result.how] += 1

    def event(self, record: Record) -> CloudEvent | None:
        """The event to deliver. A source wraps what is not a CloudEvent, a Trigger discards it."""
        try:
            event = from_kafka(record.headers, record.value)
        except MalformedEvent:
            event = None
        if self.feed.kind == "Trigger":
            return event
        event = event or wrap(record, f"/apis/v1/namespaces/{self._namespace}/kafkasources/{self.feed.name}")
        return event.extended(
            {
                "knativekafkapartition": str(record.partition),
                "knativekafkaoffset": str(record.offset),
                **self.feed.overrides,
            }
        )


def wrap(record: Record, source: str) -> CloudEvent:
    """A record that is not a CloudEvent as dev.knative.kafka.event (InvalidCloudEventInterceptor.java)."""
    time = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    attributes = {
        "specversion": "1.0",
        "type": "dev.knative.kafka.event",
        "source": f"{source}#{record.topic}",
        "subject": f"partition:{record.partition}#{record.offset}",
        "id": f"partition:{record.partition}/offset:{record.offset}",
        "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if record.key is not None:
        key = record.key.decode(errors="replace")
        attributes |= {"key": key, "partitionkey": key}
    for name, content in record.headers:
        text = content.decode(errors="replace")
        attributes[f"kafkaheader{_ILLEGAL.sub('', name.lower())}"] = text
        if name.lower() == "content-type":
            attributes["datacontenttype"] = text
    return CloudEvent(attributes, record.value)
