"""One reader for everybody: who is read for, when, and what a slow client costs. No sockets, no database."""

import asyncio
from uuid import UUID

import pytest

from functions.updates import hub as hubs
from functions.updates.hub import Hub
from functions.updates.stream import EventStream
from shared.db.repositories.feed import Change, Slice
from shared.runtime import lifecycle

ID = UUID(int=1)


class Feeds:
    """A feed in memory: `token` changes have happened to every user."""

    def __init__(self):
        self.token = 0
        self.asked = []
        self.broken = 0

    def read(self, positions):
        self.asked.append(list(positions))
        if self.broken:
            self.broken -= 1
            raise ConnectionError("down")
        return [self._slice(user_id, token) for user_id, token in positions]

    def _slice(self, user_id, token):
        if token is None:
            return Slice(user_id, self.token)
        changes = tuple(Change(ID, n, n, "updated") for n in range(token + 1, self.token + 1))
        return Slice(user_id, self.token, changes)


@pytest.fixture
def feeds():
    return Feeds()


def run(scenario):
    async def bounded():
        async with asyncio.timeout(10):
            await scenario()

    asyncio.run(bounded())


def test_who_takes_nothing_is_not_read_for_and_gets_everything_later(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=0.01)
        stuck, lively = hub.join("a", 0), hub.join("b", 0)
        for n in range(1, 6):
            feeds.token = n
            assert f'"change_token":{n}'.encode() in await lively.next()
        text = await stuck.next()
        assert text.count(b"event: ") == 1  # what it had been given before it stopped
        text = await stuck.next()
        assert text.count(b"event: ") == 4
        hub.leave(stuck)
        hub.leave(lively)

    run(scenario)


def test_a_hint_reads_for_that_user_alone(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        one, two = hub.join("a", None), hub.join("b", None)
        await asyncio.gather(one.next(), two.next())
        feeds.asked.clear()
        feeds.token = 1
        hub.hint("a")
        hub.hint("stranger")
        await one.next()
        assert feeds.asked == [[("a", 0)]]
        hub.leave(one)
        hub.leave(two)

    run(scenario)


def test_large_crowds_are_read_in_batches(feeds, monkeypatch):
    monkeypatch.setattr(hubs, "BATCH", 10)

    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        crowd = [hub.join(f"user-{n}", None) for n in range(25)]
        await asyncio.gather(*(stream.next() for stream in crowd))
        assert sorted(len(asked) for asked in feeds.asked) == [5, 10, 10]
        for stream in crowd:
            hub.leave(stream)

    run(scenario)


def test_a_failing_read_is_tried_again(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=0.01)
        feeds.broken = 3
        stream = hub.join("a", None)
        assert await stream.next() == b"retry: 2000\nid: 0\n\n"
        hub.leave(stream)

    run(scenario)


def test_a_draining_process_ends_its_streams(feeds, monkeypatch):
    async def scenario():
        hub = Hub(feeds.read, interval=0.01)
        stream = hub.join("a", None)
        await stream.next()
        monkeypatch.setattr(lifecycle, "draining", lambda: True)
        assert await stream.next() == b""
        hub.leave(stream)

    run(scenario)


def test_a_reader_starts_again_for_the_next_stream(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=0.01)
        for _ in range(3):
            stream = hub.join("a", None)
            await stream.next()
            hub.leave(stream)
            await asyncio.sleep(0.03)

    run(scenario)


def test_a_client_whose_connection_is_full_is_let_go(feeds, monkeypatch):
    monkeypatch.setattr("functions.updates.stream.SEND_SECONDS", 0.05)

    async def scenario():
        sent = []

        async def send(message):
            sent.append(message)
            if len(sent) > 1:
                await asyncio.Event().wait()  # the transport never drains

        async def receive():
            return await asyncio.Event().wait()

        hub = Hub(feeds.read, interval=0.01)
        await EventStream(hub, "a", token=None, heartbeat=5.0, seconds=60.0)({}, receive, send)
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        assert not hub._streams

    run(scenario)


def test_a_client_that_leaves_ends_its_stream(feeds):
    async def scenario():
        left = asyncio.Event()

        async def send(_message):
            left.set()

        async def receive():
            await left.wait()
            return {"type": "http.disconnect"}

        hub = Hub(feeds.read, interval=0.01)
        await EventStream(hub, "a", token=None, heartbeat=5.0, seconds=60.0)({}, receive, send)
        assert not hub._streams

    run(scenario)
