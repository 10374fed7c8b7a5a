"""The platform and its embedded log: retention at the start, damaged records in feeds and status."""

import asyncio
import json
import time

import pytest

from scripts.local.asgi import listen
from scripts.local.composition import Platform
from scripts.local.dispatch import SOURCE_DEFAULT
from scripts.local.filters import EVERYTHING
from scripts.local.log import EmbeddedTopics
from scripts.local.model import Delivery, Feed, KafkaSink, Sink, Wiring
from scripts.local.segment import Segment
from scripts.local.state import State
from scripts.local.status import record_json
from scripts.local.topics import NewRecord
from shared.messaging.ports import Topic

DAY_MS = 24 * 3600 * 1000
PLACE = ("in", 0)
FEED = Feed(
    kind="KafkaSource",
    name="copy",
    topics=("in",),
    group="copiers",
    earliest=True,
    ordered=True,
    filter=EVERYTHING,
    delivery=Delivery(SOURCE_DEFAULT, None),
    sink=Sink("KafkaSink", "out"),
    overrides={},
)
WIRING = Wiring(
    "todo-app",
    {},
    (FEED,),
    {},
    {"out": KafkaSink("out", "out", structured=False)},
    {},
    {name: Topic(name, 1) for name in ("in", "out")},
)


def event(number):
    headers = {"specversion": "1.0", "id": str(number), "source": "/test", "type": "io.test"}
    return NewRecord(
        "in", b"k", tuple((f"ce_{name}", text.encode()) for name, text in headers.items()), b"{}"
    )


@pytest.fixture
def state(tmp_path):
    found = State(tmp_path / "state")
    found.make()
    (found.topics / "topics" / "in").mkdir(parents=True)
    (found.topics / "groups").mkdir()
    return found


def stored(state, timestamps):
    """Records 0… with these timestamps are in the topic; returns the file and where each ends in it."""
    path = state.topics / "topics" / "in" / "0.log"
    segment = Segment(path, "in", partition=0)
    ends = []
    for number, timestamp in enumerate(timestamps):
        segment.append([event(number)], timestamp)
        ends.append(segment.size)
    segment.close()
    return path, ends


def committed(state, offset):
    (state.topics / "groups" / "copiers.json").write_text(json.dumps({"in/0": offset}))


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - nothing tells when a file was replaced
            await asyncio.sleep(0.02)


def with_platform(state, work):
    async def session():
        listeners = [listen(0, "--port") for _ in range(3)]
        topics = EmbeddedTopics(state.topics)
        platform = Platform(
            WIRING, state, port=1, topics=topics, kafka=None, scale_to_zero=True, default_service="none"
        )
        try:
            await platform.open(listeners)
            await work(platform, topics)
        finally:
            await platform.close()
            for listener in listeners:
                listener.close()

    asyncio.run(session())


def test_the_start_forgets_what_is_older_than_a_week_and_passed(state):
    now = time.time_ns() // 1_000_000
    path, _ = stored(state, [now - 8 * DAY_MS] * 3 + [now - 6 * DAY_MS])
    committed(state, 4)
    size = path.stat().st_size

    async def work(platform, topics):
        await until(lambda: _is(topics.starts(), {PLACE: 3, ("out", 0): 0}))
        document = await platform._status().document()
        assert document["topics"]["in"] == {"starts": [3], "ends": [4], "records": 1}
        assert document["sources"]["copy"]["lag"] == 0

    with_platform(state, work)
    assert path.stat().st_size < size


def test_the_start_keeps_what_a_source_has_not_passed(state):
    now = time.time_ns() // 1_000_000
    stored(state, [now - 8 * DAY_MS] * 3)
    committed(state, 1)

    async def work(_platform, topics):
        await until(lambda: _is(topics.ends(), {PLACE: 3, ("out", 0): 2}))
        copied = await topics.read(("out", 0), 0, limit=9)
        assert [dict(item.headers)["ce_id"] for item in copied] == [b"1", b"2"]

    with_platform(state, work)


def test_a_damaged_record_is_discarded_with_a_complaint_and_shown(state):
    now = time.time_ns() // 1_000_000
    path, ends = stored(state, [now] * 3)
    content = bytearray(path.read_bytes())
    content[ends[1] - 1] ^= 1
    path.write_bytes(content)

    async def work(platform, topics):
        shown = [record_json(item)["damaged"] for item in await topics.read(PLACE, 0, limit=9)]
        assert shown == [False, True, False]
        await until(lambda: _is(topics.ends(), {PLACE: 3, ("out", 0): 2}))
        source = (await platform._status().document())["sources"]["copy"]
        assert source["counts"]["discarded"] == 1
        assert source["last_error"]["message"] == "in/0@1 discarded: damaged on disk"
        copied = await topics.read(("out", 0), 0, limit=9)
        assert [dict(item.headers)["ce_id"] for item in copied] == [b"0", b"2"]

    with_platform(state, work)


async def _is(found, wanted):
    return await found == wanted
