"""Topics kept in files under the state directory: the default of `scripts/run`.

kill -9 at any point loses no acknowledged record: segments drop an incomplete last record, and the file of a
group's offsets is replaced atomically.
"""

import asyncio
import contextlib
import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from scripts.local.segment import Segment
from scripts.local.topics import (
    NewRecord,
    Partition,
    Position,
    Record,
    TopicsUnavailable,
    UnknownTopic,
    partition_for,
)
from shared.messaging.ports import Topic
from shared.messaging.topics import TopicsDiffer, compared

_NAME = re.compile(r"^[A-Za-z0-9._-]{1,200}$")


class EmbeddedTopics:
    """The Topics port over one directory; one platform owns it (see state.py's lock)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segments: dict[str, list[Segment]] = {}
        self._grown: dict[Partition, asyncio.Event] = defaultdict(asyncio.Event)
        self._subscriptions: set[EmbeddedSubscription] = set()
        self._forgetting = asyncio.Lock()
        self._turn = itertools.count()
        # One thread writes everything: appends of concurrent requests cannot interleave.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="topic-log")
        (directory / "groups").mkdir(parents=True, exist_ok=True)

    async def ensure(self, topics: Sequence[Topic]) -> None:
        stored = {topic.name: self._stored(topic) for topic in topics}
        if refused := compared(topics, {name: there for name, there in stored.items() if there}).refused:
            raise TopicsDiffer("\n".join(refused))
        for topic in topics:
            self._open(topic)

    async def append(self, records: Sequence[NewRecord]) -> list[Position]:
        for record in records:
            if record.topic not in self._segments:
                raise UnknownTopic(record.topic)
        places = [(record.topic, self._partition(record)) for record in records]
        loop = asyncio.get_running_loop()
        try:
            positions = await loop.run_in_executor(self._writer, self._store, records, places)
        except OSError as error:
            raise TopicsUnavailable(f"cannot write {self._directory}: {error.strerror}") from error
        for place in set(places):
            self._grown[place].set()
        return positions

    async def subscribe(self, group: str, topics: Sequence[str], *, earliest: bool) -> "EmbeddedSubscription":
        if not _NAME.match(group):
            raise ValueError(f"consumer group {group!r}: only letters, digits, dot, dash and underscore")
        for topic in topics:
            if topic not in self._segments:
                raise UnknownTopic(topic)
        partitions = [(topic, p) for topic in topics for p in range(len(self._segments[topic]))]
        async with self._forgetting:  # not in the middle of `forget`: the place of the group could be dropped
            starts = {place: self.start(place) if earliest else self.end(place) for place in partitions}
            path = self._directory / "groups" / f"{group}.json"
            subscription = EmbeddedSubscription(self, path, starts=starts)
            self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: "EmbeddedSubscription") -> None:
        """Records that this group has not passed are not kept for it any more."""
        self._subscriptions.discard(subscription)

    async def starts(self) -> Mapping[Partition, int]:
        return {place: segment.start for place, segment in self._all()}

    async def ends(self) -> Mapping[Partition, int]:
        return {place: segment.end for place, segment in self._all()}

    async def forget(self, *, before: Mapping[str, int]) -> None:
        """Drop old records, one partition after the other, so that appends can run in between."""
        loop = asyncio.get_running_loop()
        failures: list[str] = []
        async with self._forgetting:
            for place, segment in list(self._all()):
                passed = self._passed(place)
                work = partial(segment.forget, passed, before=before[place[0]])
                try:
                    await loop.run_in_executor(self._writer, work)
                except OSError as error:
                    failures.append(f"{_label(place)}: {error.strerror}")
        if failures:
            raise TopicsUnavailable(f"cannot shorten {', '.join(failures)}")

    async def read(self, partition: Partition, offset: int, *, limit: int) -> list[Record]:
        if partition[0] not in self._segments or partition[1] >= len(self._segments[partition[0]]):
            raise UnknownTopic(partition[0])
        return self._segments[partition[0]][partition[1]].slice(offset, limit=limit)

    async def close(self) -> None:
        self._writer.shutdown(wait=True)
        for segments in self._segments.values():
            for segment in segments:
                segment.close()
        self._segments = {}

    def start(self, partition: Partition) -> int:
        """The offset of the oldest record."""
        return self._segments[partition[0]][partition[1]].start

    def end(self, partition: Partition) -> int:
        """The offset after the last record."""
        return self._segments[partition[0]][partition[1]].end

    async def at(self, partition: Partition, offset: int) -> Record:
        """The record at `offset`, waiting until it exists."""
        while offset >= self.end(partition):
            self._grown[partition].clear()
            await self._grown[partition].wait()
        return self._segments[partition[0]][partition[1]].read(offset)

    def _all(self) -> Iterator[tuple[Partition, Segment]]:
        for topic, segments in self._segments.items():
            for p, segment in enumerate(segments):
                yield (topic, p), segment

    def _passed(self, place: Partition) -> int:
        """The offset below which every subscribed group is done."""
        committed = [group.committed() for group in self._subscriptions]
        return min((offsets[place] for offsets in committed if place in offsets), default=self.end(place))

    def _stored(self, topic: Topic) -> Topic | None:
        """What an earlier start left of it: as declared, but for the number of partitions."""
        if not _NAME.match(topic.name):
            raise ValueError(f"topic {topic.name!r}: only letters, digits, dot, dash and underscore")
        count = len(list((self._directory / "topics" / topic.name).glob("*.log")))
        return replace(topic, partitions=count) if count else None

    def _open(self, topic: Topic) -> None:
        folder = self._directory / "topics" / topic.name
        folder.mkdir(parents=True, exist_ok=True)
        segments = self._segments.setdefault(topic.name, [])
        for p in range(len(segments), topic.partitions):
            segments.append(Segment(folder / f"{p}.log", topic.name, partition=p))

    def _partition(self, record: NewRecord) -> int:
        count = len(self._segments[record.topic])
        return next(self._turn) % count if record.key is None else partition_for(record.key, count)

    def _store(self, records: Sequence[NewRecord], places: Sequence[Partition]) -> list[Position]:
        batches: dict[Partition, list[int]] = defaultdict(list)
        for index, place in enumerate(places):
            batches[place].append(index)
        segments = {(topic, p): self._segments[topic][p] for topic, p in batches}
        marks = {place: segment.end for place, segment in segments.items()}
        positions: dict[int, Position] = {}
        now = time.time_ns() // 1_000_000
        try:
            for place, indexes in batches.items():
                first = segments[place].stage([records[i] for i in indexes], now)
                positions |= {i: Position(*place, first + n) for n, i in enumerate(indexes)}
        except OSError:
            for place, mark in marks.items():
                segments[place].truncate(mark)
            raise
        # Only when all is stored: a record that was read must not be undone.
        for segment in segments.values():
            segment.show()
        return [positions[i] for i in range(len(records))]


class EmbeddedSubscription:
    """One group's offsets in one JSON file, replaced at every commit."""

    def __init__(self, topics: EmbeddedTopics, path: Path, *, starts: Mapping[Partition, int]) -> None:
        self._topics, self._path = topics, path
        stored = json.loads(path.read_text()) if path.exists() else {}
        self._others = dict(stored)
        self._committed = {
            place: max(topics.start(place), min(int(stored.get(_label(place), start)), topics.end(place)))
            for place, start in starts.items()
        }
        self._next = dict(self._committed)
        with contextlib.suppress(TopicsUnavailable):  # saved with the first commit for which there is room
            self._save()

    @property
    def partitions(self) -> Sequence[Partition]:
        return tuple(self._committed)

    async def next(self, partition: Partition) -> Record:
        record = await self._topics.at(partition, self._next[partition])
        self._next[partition] = record.offset + 1
        return record

    def commit(self, partition: Partition, offset: int) -> None:
        self._committed[partition] = offset
        self._save()

    def committed(self) -> Mapping[Partition, int]:
        return dict(self._committed)

    async def close(self) -> None:
        self._topics.unsubscribe(self)
        with contextlib.suppress(TopicsUnavailable):  # events since the last commit are delivered again
            self._save()

    def _save(self) -> None:
        """Replaced, never rewritten in place: a crash leaves the old file or the new one."""
        offsets = self._others | {_label(place): offset for place, offset in self._committed.items()}
        draft = self._path.with_suffix(".new")
        try:
            draft.write_text(json.dumps(offsets))
            draft.replace(self._path)
        except OSError as error:
            raise TopicsUnavailable(f"cannot write {self._path}: {error.strerror}") from error


def _label(partition: Partition) -> str:
    return f"{partition[0]}/{partition[1]}"
