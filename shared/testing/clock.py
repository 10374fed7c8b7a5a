"""A clock that tests move by hand; `Database(clock=SimulatedClock(…))` makes it the time of transactions."""

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class SimulatedClock:
    """Stands still until it is moved; calling it gives `.now`. Thread-safe.

    >>> clock = SimulatedClock()
    >>> clock.advance(minutes=5).isoformat()
    '2026-01-01T12:05:00+00:00'
    """

    def __init__(self, now: datetime = START) -> None:
        self._lock = threading.Lock()
        self._now = now.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now

    @property
    def now(self) -> datetime:
        with self._lock:
            return self._now

    @now.setter
    def now(self, value: datetime) -> None:
        with self._lock:
            self._now = value.astimezone(UTC)

    def advance(self, by: timedelta | None = None, **parts: float) -> datetime:
        """Move on by a timedelta or its parts (`seconds=`, `minutes=`, `days=`); the new time."""
        with self._lock:
            self._now += by if by is not None else timedelta(**parts)
            return self._now
