"""One suite for both homes of the topics: the embedded log and a real Kafka."""

import asyncio
import os
import uuid

import pytest

from scripts.local.kafka_log import KafkaTopics
from scripts.local.log import EmbeddedTopics
from scripts.local.topics import NewRecord, TopicsUnavailable, UnknownTopic, partition_for
from shared.messaging.ports import Topic
from shared.messaging.topics import TopicsDiffer
from tests.real_kafka import real_kafka


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with real_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.servers


class Home:
    """Opens the same topics again and again, as restarts do; names are fresh for each test."""

    def __init__(self, make):
        self._make = make
        self.topic, self.other, self.group = (f"{part}-{uuid.uuid4().hex}" for part in ("t", "o", "g"))

    def run(self, work):
        async def session():
            topics = self._make()
            try:
                await topics.ensure([Topic(self.topic, 3), Topic(self.other, 1)])
                return await asyncio.wait_for(work(topics), 30)
            finally:
                await topics.close()

        return asyncio.run(session())


@pytest.fixture(params=["embedded", "kafka"])
def home(request, tmp_path):
    if request.param == "embedded":
        return Home(lambda: EmbeddedTopics(tmp_path))
    address = request.getfixturevalue("servers")
    return Home(lambda: KafkaTopics(address))


def record(topic, key=b"u1", value=b"v"):
    return NewRecord(topic, key, (("ce_id", b"1"), ("n", "ü".encode())), value)


async def take(subscription, partition, count):
    return [await subscription.next(partition) for _ in range(count)]


def test_records_keep_order_content_and_the_partition_of_their_key(home):
    async def work(topics):
        keys = [f"user-{n}".encode() for n in range(20)]
        at = await topics.append([record(home.topic, key, str(n).encode()) for n, key in enumerate(keys)])
        assert [p.partition for p in at] == [partition_for(key, 3) for key in keys]
        for partition in range(3):
            got = await topics.read((home.topic, partition), 0, limit=100)
            mine = [n for n, key in enumerate(keys) if partition_for(key, 3) == partition]
            assert [item.value for item in got] == [str(n).encode() for n in mine]
            assert [item.offset for item in got] == list(range(len(mine)))
            assert all(item.headers == (("ce_id", b"1"), ("n", "ü".encode())) for item in got)

    home.run(work)


def test_null_keys_and_values_survive(home):
    async def work(topics):
        (at,) = await topics.append([NewRecord(home.other, None, (("ce_id", b"1"),), None)])
        (got,) = await topics.read((home.other, at.partition), at.offset, limit=1)
        assert (got.key, got.value or None) == (None, None)
        (at,) = await topics.append([NewRecord(home.other, b"", (), None)])
        (got,) = await topics.read((home.other, at.partition), at.offset, limit=1)
        assert (got.key, got.value) == (b"", None)

    home.run(work)


def test_an_unknown_topic_is_refused_and_nothing_is_stored(home):
    async def work(topics):
        with pytest.raises(UnknownTopic):
            await topics.append([record(home.topic), record("nobody-knows-it")])
        with pytest.raises(UnknownTopic):
            await topics.subscribe(home.group, ["nobody-knows-it"], earliest=True)
        assert set((await topics.ends()).values()) == {0}

    home.run(work)


def test_a_group_continues_after_its_last_commit(home):
    place = (home.topic, partition_for(b"u1", 3))

    async def first(topics):
        await topics.append([record(home.topic, value=str(n).encode()) for n in range(5)])
        subscription = await topics.subscribe(home.group, [home.topic], earliest=True)
        assert [item.value for item in await take(subscription, place, 3)] == [b"0", b"1", b"2"]
        subscription.commit(place, 2)
        await subscription.close()

    async def second(topics):
        subscription = await topics.subscribe(home.group, [home.topic], earliest=True)
        assert subscription.committed()[place] == 2
        assert [item.value for item in await take(subscription, place, 3)] == [b"2", b"3", b"4"]

    home.run(first)
    home.run(second)


def test_groups_do_not_see_one_another(home):
    place = (home.topic, partition_for(b"u1", 3))

    async def work(topics):
        await topics.append([record(home.topic)])
        for group in (home.group, f"{home.group}-2"):
            subscription = await topics.subscribe(group, [home.topic], earliest=True)
            assert len(await take(subscription, place, 1)) == 1

    home.run(work)


def test_latest_skips_what_was_there_at_the_first_start_only(home):
    place = (home.topic, partition_for(b"u1", 3))

    async def first(topics):
        await topics.append([record(home.topic, value=b"old")])
        await (await topics.subscribe(home.group, [home.topic], earliest=False)).close()
        await topics.append([record(home.topic, value=b"new")])

    async def second(topics):
        subscription = await topics.subscribe(home.group, [home.topic], earliest=False)
        assert [item.value for item in await take(subscription, place, 1)] == [b"new"]

    home.run(first)
    home.run(second)


def test_a_waiting_consumer_gets_what_is_appended_later(home):
    place = (home.topic, partition_for(b"u1", 3))

    async def work(topics):
        subscription = await topics.subscribe(home.group, [home.topic, home.other], earliest=True)
        assert set(subscription.partitions) == {(home.topic, n) for n in range(3)} | {(home.other, 0)}
        waiting = asyncio.create_task(subscription.next(place))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await topics.append([record(home.topic, value=b"late")])
        assert (await waiting).value == b"late"

    home.run(work)


def test_ends_and_reads_know_the_limits(home):
    async def work(topics):
        await topics.append([record(home.topic) for _ in range(4)])
        place = (home.topic, partition_for(b"u1", 3))
        assert (await topics.ends())[place] == 4
        assert [item.offset for item in await topics.read(place, 1, limit=2)] == [1, 2]
        assert await topics.read(place, 4, limit=2) == []
        with pytest.raises(UnknownTopic):
            await topics.read(("nobody-knows-it", 0), 0, limit=1)

    home.run(work)


@pytest.mark.parametrize("other", [1, 2, 4])
def test_a_topic_keeps_its_partitions_and_nothing_is_made_beside_it(home, other):
    async def work(topics):
        with pytest.raises(TopicsDiffer, match=rf"{home.topic}: 3 partitions there, {other} declared"):
            await topics.ensure([Topic(f"{home.topic}-new", 1), Topic(home.topic, other)])
        with pytest.raises(UnknownTopic):
            await topics.append([record(f"{home.topic}-new")])
        assert len([place for place in await topics.ends() if place[0] == home.topic]) == 3

    home.run(work)


def test_kafka_that_is_not_there_is_said_so():
    async def work():
        topics = KafkaTopics("127.0.0.1:9")
        with pytest.raises(TopicsUnavailable, match=r"127\.0\.0\.1:9"):
            await topics.ensure([Topic("t", 1)])
        await topics.close()

    asyncio.run(work())


def test_an_embedded_log_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    async def work():
        topics = EmbeddedTopics(tmp_path)
        await topics.ensure([Topic("t", 1)])
        await topics.append([NewRecord("t", b"a", (), b"1")])

        def full(*_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", full)
            with pytest.raises(TopicsUnavailable, match="No space left"):
                await topics.append([NewRecord("t", b"a", (), b"2")])
        assert (await topics.append([NewRecord("t", b"a", (), b"3")]))[0].offset == 1
        assert [item.value for item in await topics.read(("t", 0), 0, limit=9)] == [b"1", b"3"]
        await topics.close()

    asyncio.run(work())
