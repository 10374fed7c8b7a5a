"""The deadline of the request, event or tick being handled. `http` and `event` set it, transactions end at it
(`wiring.database`), and long handlers ask how much time is left.
"""

import contextlib
import contextvars
from collections.abc import Iterator

from shared.runtime import clock

_deadline: contextvars.ContextVar[float | None] = contextvars.ContextVar("deadline", default=None)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set the deadline of the block, in this thread or task, to `seconds` from now.

    >>> with within(10):
    ...     9 < remaining() <= 10
    True
    >>> remaining(default=60.0)
    60.0
    """
    token = _deadline.set(clock.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining(default: float = 60.0) -> float:
    """Seconds left, never negative; `default` outside of any deadline."""
    deadline = _deadline.get()
    return default if deadline is None else max(0.0, deadline - clock.monotonic())
