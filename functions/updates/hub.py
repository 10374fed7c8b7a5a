"""The one reader of the process: once a second it asks the change feed for everybody who is connected,
sooner for a user about whom a hint arrives. Lives on the event loop; only the reading is in a thread.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from functions.updates import sse
from shared.db.repositories.feed import Slice
from shared.runtime import clock, lifecycle
from shared.runtime.logging import get_logger

INTERVAL = 1.0  # seconds between two reads of the same feed
BATCH = 100  # streams in one transaction
Read = Callable[[Sequence[tuple[str, int | None]]], list[Slice]]
log = get_logger(__name__)


class Subscription:
    """One stream: where it stands, and the text that its client has not taken yet.

    A stream whose text waits is not read for. A slow client thus holds one slice, never a queue, and gets
    one event for several changes of a task when it comes back.
    """

    def __init__(self, user_id: str, token: int | None) -> None:
        self.user_id = user_id
        self.token = token
        self.ended = False
        self._text: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)

    @property
    def ready(self) -> bool:
        return not self.ended and self._text.empty()

    async def next(self) -> bytes:
        """The next text; empty when the stream shall end."""
        if self.ended and self._text.empty():
            return b""
        return await self._text.get()

    def give(self, found: Slice) -> None:
        """What the feed said; text for the client only if there is any."""
        if self.token is None:
            text = sse.hello(found.token)
        elif found.lost:
            text = sse.reset(found.token)
        else:
            text = sse.blocks(found)
        self.token = found.token
        if text:
            self._text.put_nowait(text)

    def end(self) -> None:
        """The client should come back later, to another process."""
        self.ended = True
        if self._text.empty():
            self._text.put_nowait(b"")


class Hub:
    """All streams of the process."""

    def __init__(self, read: Read, *, interval: float = INTERVAL) -> None:
        self._read = read
        self._interval = interval
        self._streams: dict[str, set[Subscription]] = defaultdict(set)
        self._urgent: set[Subscription] = set()
        self._wake = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    def join(self, user_id: str, token: int | None) -> Subscription:
        """A stream from `token` on, or from now; the feed is read for it at once."""
        stream = Subscription(user_id, token)
        self._streams[user_id].add(stream)
        self._hurry({stream})
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._run())
        return stream

    def leave(self, stream: Subscription) -> None:
        self._urgent.discard(stream)
        streams = self._streams.get(stream.user_id, set())
        streams.discard(stream)
        if not streams:
            self._streams.pop(stream.user_id, None)
        self._wake.set()

    def hint(self, user_id: str) -> None:
        """The user's feed may have grown. For nobody who is connected here: nothing to do."""
        self._hurry(self._streams.get(user_id, set()))

    def _hurry(self, streams: set[Subscription]) -> None:
        if streams:
            self._urgent |= streams
            self._wake.set()

    async def _run(self) -> None:
        """Until the last stream has left."""
        next_round = 0.0
        while self._streams:
            if lifecycle.draining():
                self._end_all()
            everybody = clock.monotonic() >= next_round
            if everybody:
                next_round = clock.monotonic() + self._interval
            await self._serve(self._all() if everybody else self._urgent)
            await self._sleep(next_round - clock.monotonic())

    async def _serve(self, streams: set[Subscription]) -> None:
        chosen = [stream for stream in streams if stream.ready]
        self._urgent -= streams
        self._wake.clear()
        for start in range(0, len(chosen), BATCH):
            batch = chosen[start : start + BATCH]
            positions = [(stream.user_id, stream.token) for stream in batch]
            try:
                slices = await asyncio.to_thread(self._read, positions)
            except Exception:
                log.exception("change feed not read, the next round tries again")
                return
            for stream, found in zip(batch, slices, strict=True):
                stream.give(found)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def _all(self) -> set[Subscription]:
        return {stream for streams in self._streams.values() for stream in streams}

    def _end_all(self) -> None:
        for stream in self._all():
            stream.end()
