"""One reader for everybody: who is read for, when, and what a slow client costs. No sockets, no database."""

import asyncio
from uuid import UUID

import pytest

from functions.updates import hub as hubs
from functions.updates.hub import Hub
from functions.updates.stream import EventStream
from shared.db.repositories.feed import Change, Slice
from shared.domain.errors import LimitExceeded, RetryLater
from shared.runtime import clock, lifecycle
from shared.runtime.auth import Identity

ID = UUID(int=1)
HTTP = {"type": "http"}


class Feeds:
    """A feed in memory: `token` changes have happened to every user."""

    def __init__(self):
        self.token = 0
        self.asked = []
        self.broken = 0
        self.poison = ""  # a user whose feed cannot be read

    def read(self, positions):
        self.asked.append(list(positions))
        if self.broken:
            self.broken -= 1
            raise RetryLater("down")
        if any(user_id == self.poison for user_id, _ in positions):
            raise ValueError(self.poison)
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
        await EventStream(hub, Identity("a"), token=None, heartbeat=5.0, seconds=60.0)({}, receive, send)
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
        await EventStream(hub, Identity("a"), token=None, heartbeat=5.0, seconds=60.0)({}, receive, send)
        assert not hub._streams

    run(scenario)


def test_a_user_has_a_bounded_number_of_streams(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        mine = [hub.join("a", 0) for _ in range(hubs.MAX_USER_STREAMS)]
        with pytest.raises(LimitExceeded) as caught:
            hub.join("a", 0)
        assert caught.value.delay is None
        other = hub.join("b", 0)
        hub.leave(mine.pop())
        mine.append(hub.join("a", 0))  # a place is free again
        for stream in [*mine, other]:
            hub.leave(stream)
        assert not hub._streams

    run(scenario)


def test_a_process_has_a_bounded_number_of_streams(feeds, monkeypatch):
    monkeypatch.setattr(hubs, "MAX_STREAMS", 3)

    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        streams = [hub.join(f"user-{n}", 0) for n in range(3)]
        with pytest.raises(RetryLater) as caught:
            hub.join("late", 0)
        assert caught.value.code == "too_many_streams"
        for stream in streams:
            hub.leave(stream)

    run(scenario)


def test_who_cannot_be_read_for_ends_nothing_for_the_others(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        feeds.poison, feeds.token = "user-7", 1
        crowd = {n: hub.join(f"user-{n}", 0) for n in range(20)}
        texts = await asyncio.gather(*(stream.next() for stream in crowd.values()))
        assert [n for n, text in enumerate(texts) if not text] == [7]
        assert crowd[7].ended == "failed"
        for stream in crowd.values():
            hub.leave(stream)

    run(scenario)


def test_windows_of_one_user_at_one_place_are_read_once(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        feeds.token = 1
        windows = [hub.join("a", 0) for _ in range(5)] + [hub.join("a", 1), hub.join("b", 0)]
        texts = await asyncio.gather(*(stream.next() for stream in windows[:5]))
        assert len(set(texts)) == 1
        assert sorted(feeds.asked[0]) == [("a", 0), ("a", 1), ("b", 0)]
        for stream in windows:
            hub.leave(stream)

    run(scenario)


def test_a_token_that_runs_out_before_the_start_opens_nothing(feeds, monkeypatch):
    """It was good when it was looked at, and the feed answered too late."""

    async def scenario():
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return await asyncio.Event().wait()

        hub = Hub(feeds.read, interval=3600.0)
        identity = Identity("a", expires_at=clock.now().timestamp() - 1)
        await EventStream(hub, identity, token=None, heartbeat=5.0, seconds=60.0)(HTTP, receive, send)
        assert sent[0]["status"] == 401
        assert not hub._streams

    run(scenario)


def test_a_flood_of_hints_is_read_for_together(feeds):
    async def scenario():
        hub = Hub(feeds.read, interval=3600.0)
        stream = hub.join("a", 0)
        begun = clock.monotonic()
        for _ in range(300):
            hub.hint("a")
            await asyncio.sleep(0.001)
        took = clock.monotonic() - begun
        assert len(feeds.asked) <= took / hubs.BREATH + 2
        feeds.token = 1
        hub.hint("a")
        assert await stream.next()  # the last one counts as well
        hub.leave(stream)

    run(scenario)
