"""A message log in memory, for tests of the drain; the tests of the real publishers run on it, too."""

import threading
from collections.abc import Collection, Sequence

from shared.messaging.ports import PublishError, Record, TooLarge, UnknownTopic

MAX_RECORD = 1_048_576


class MemoryLog:
    """A `ports.Publisher` that keeps acknowledged records in `stored`.

    `reachable = False` is an outage; `accepts` is the number of records until one begins; `unreachable` are
    keys whose partition has no leader; `broken` are keys at which the client itself fails.
    """

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = frozenset(topics)
        self._lock = threading.Lock()
        self.stored: list[Record] = []
        self.reachable = True
        self.accepts: int | None = None  # how many records more, None: any number
        self.unreachable: set[str] = set()
        self.broken: set[str] = set()
        self.calls = 0
        self.closed = False

    def publish(self, records: Sequence[Record], *, timeout: float) -> int:  # noqa: ARG002  # answers at once
        """See ports.Publisher."""
        with self._lock:
            self.calls += 1
            for index, record in enumerate(records):
                try:
                    self._store(record)
                except PublishError:
                    if index == 0:
                        raise
                    return index
            return len(records)

    def close(self, *, timeout: float) -> None:  # noqa: ARG002  # nothing to wait for
        """Remembers that it was closed."""
        self.closed = True

    def _store(self, record: Record) -> None:
        if record.key in self.broken:
            raise RuntimeError("The client fails.")
        if not self.reachable or self.accepts == 0 or record.key in self.unreachable:
            raise PublishError("The log is down.")
        if record.topic not in self._topics:
            raise UnknownTopic(f"Topic {record.topic} does not exist.")
        if len(record.value) > MAX_RECORD:
            raise TooLarge("The record is too large.")
        if self.accepts is not None:
            self.accepts -= 1
        self.stored.append(record)
