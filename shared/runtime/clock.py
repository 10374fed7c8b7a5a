"""Reads the clocks of the machine. No other module does: they get a time as an argument, or call this."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The wall clock as an aware UTC instant; inside a transaction use `tx.now` instead."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never steps back: for deadlines and durations."""
    return time.monotonic()
