"""Reads the change feed for all connected users, once a second, and sooner for a user about whom a hint
arrives. It runs on the event loop; only the reading is in a thread. Made by `wiring`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from functions.updates import sse
from shared.db.repositories.feed import Slice
from shared.domain.errors import LimitExceeded, RetryLater
from shared.runtime import clock, lifecycle
from shared.runtime.logging import get_logger

INTERVAL = 1.0  # seconds between two reads of the same feed
BREATH = 0.02  # seconds after any read, so that many hints, also forged ones, cause one read together
BATCH = 100  # streams in one transaction
MAX_STREAMS = 450  # of the process; below containerConcurrency, so that hints still find a place
MAX_USER_STREAMS = 20  # windows and devices of one user at one process
Position = tuple[str, int | None]  # whose feed, and the token up to which it is known
Read = Callable[[Sequence[Position]], list[Slice]]
log = get_logger(__name__)


class Subscription:
    """One stream: its position in the feed, and the text that its client has not taken yet.

    Nothing is read for a stream while its text waits. So a slow client holds one piece of text, never a
    queue, and gets one event for several changes of a task.
    """

    def __init__(self, user_id: str, token: int | None) -> None:
        self.user_id = user_id
        self.token = token
        self.ended = ""  # why
        self._text: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)

    @property
    def position(self) -> Position:
        """The user and the token up to which the stream has read."""
        return self.user_id, self.token

    @property
    def ready(self) -> bool:
        """Whether the feed may be read for this stream: its client has taken the last text."""
        return not self.ended and self._text.empty()

    async def next(self) -> bytes:
        """Wait for the next text; it is empty when the stream has to end."""
        if self.ended and self._text.empty():
            return b""
        return await self._text.get()

    def give(self, found: Slice) -> None:
        """Take a slice of the feed; wakes the client's stream only if there is text for it."""
        if self.token is None:
            text = sse.hello(found.token)
        elif found.lost:
            text = sse.reset(found.token)
        else:
            text = sse.blocks(found)
        self.token = found.token
        if text:
            self._text.put_nowait(text)

    def end(self, reason: str) -> None:
        """End the stream; its client should connect again later."""
        self.ended = reason
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
        self._thread = ThreadPoolExecutor(1, "feed")  # a separate one: other threads may wait for keys

    def join(self, user_id: str, token: int | None) -> Subscription:
        """A stream from `token` on, or from now; the feed is read for it at once.

        LimitExceeded for a user who has too many, RetryLater for a process that has.
        """
        if len(self._streams.get(user_id, ())) >= MAX_USER_STREAMS:
            raise LimitExceeded(f"A user has at most {MAX_USER_STREAMS} streams.")
        if sum(map(len, self._streams.values())) >= MAX_STREAMS:
            raise RetryLater("There are too many streams here.", code="too_many_streams", delay=2.0)
        stream = Subscription(user_id, token)
        self._streams[user_id].add(stream)
        self._hurry({stream})
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._run())
        return stream

    def leave(self, stream: Subscription) -> None:
        """The stream has ended."""
        self._urgent.discard(stream)
        streams = self._streams.get(stream.user_id, set())
        streams.discard(stream)
        if not streams:
            self._streams.pop(stream.user_id, None)
        self._wake.set()

    def hint(self, user_id: str) -> None:
        """Read the user's feed soon, if the user is connected here."""
        self._hurry(self._streams.get(user_id, set()))

    def _hurry(self, streams: set[Subscription]) -> None:
        if streams:
            self._urgent |= streams
            self._wake.set()

    async def _run(self) -> None:
        """Read until there is no stream any more."""
        next_round = 0.0
        while self._streams:
            if lifecycle.draining():
                self._end_all()
            everybody = clock.monotonic() >= next_round
            if everybody:
                next_round = clock.monotonic() + self._interval
            await self._serve(self._all() if everybody else self._urgent)
            await asyncio.sleep(BREATH)
            await self._sleep(next_round - clock.monotonic())

    async def _serve(self, streams: set[Subscription]) -> None:
        chosen = [stream for stream in streams if stream.ready]
        self._urgent -= streams
        self._wake.clear()
        for start in range(0, len(chosen), BATCH):
            if not await self._give(chosen[start : start + BATCH]):
                return

    async def _give(self, batch: Sequence[Subscription]) -> bool:
        """Read for a batch of streams, once for each position; False when nothing can be read at present."""
        positions = list(dict.fromkeys(stream.position for stream in batch))
        reading = asyncio.get_running_loop().run_in_executor(self._thread, self._read, positions)
        try:
            found = dict(zip(positions, await reading, strict=True))
        except RetryLater as error:
            log.warning("change feed not read, the next round tries again", code=error.code)
            return False
        except Exception:
            log.exception("change feed not read", streams=len(batch))
            return await self._give_apart(batch, positions)
        for stream in batch:
            stream.give(found[stream.position])
        return True

    async def _give_apart(self, batch: Sequence[Subscription], positions: Sequence[Position]) -> bool:
        """After an error that does not pass: read for each half of the users, down to one, and end that
        one.
        """
        if len(positions) == 1:
            for stream in batch:
                stream.end("failed")
            return True
        first = set(positions[: len(positions) // 2])
        return await self._give([s for s in batch if s.position in first]) and await self._give(
            [s for s in batch if s.position not in first]
        )

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def _all(self) -> set[Subscription]:
        return {stream for streams in self._streams.values() for stream in streams}

    def _end_all(self) -> None:
        for stream in self._all():
            stream.end("shutdown")
