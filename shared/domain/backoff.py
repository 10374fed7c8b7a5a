"""When a webhook is tried again (Standard Webhooks 1.0, "Retry schedule"), and how long nothing is sent to
an endpoint that does not answer. Pure: clock and randomness are arguments; called by `notifications`.

A retry starts at the next minute tick after its time, so every step is late by up to a minute, also the one
of 5 s: a function is not woken earlier only to be more exact.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Seconds before attempt 1, 2, 3 … 10: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
WAITS = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MAX_ATTEMPTS = len(WAITS)
JITTER = 0.1  # up to this share is added, so that endpoints that failed together do not return together
MAX_RETRY_AFTER = timedelta(days=1)
# Seconds without an attempt after 1, 2, 3, 4 … attempts in a row that got no answer before their timeout.
# Each such attempt holds a thread until the timeout; without pauses the backlog would hold one all the time.
PAUSES = (60, 300, 1_800, 3_600)
PATIENCE = timedelta(days=5)  # without any answer; then the endpoint is disabled


def next_attempt(
    attempts: int, *, now: datetime, draw: float, retry_after: timedelta | None = None
) -> datetime | None:
    """When to try again after `attempts` failed ones, or None when all are used up.

    `draw` is a random number in [0, 1). A `retry_after` that is longer than the schedule is obeyed.

    >>> next_attempt(2, now=datetime(2026, 6, 1, tzinfo=UTC), draw=0.5)  # 300 s and half of 10 % of them
    datetime.datetime(2026, 6, 1, 0, 5, 15, tzinfo=datetime.timezone.utc)
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = timedelta(seconds=WAITS[attempts] * (1 + JITTER * draw))
    if retry_after is not None:
        wait = max(wait, min(retry_after, MAX_RETRY_AFTER))
    return now + wait


def pause(unanswered: int) -> timedelta:
    """How long nothing is sent after `unanswered` attempts in a row without an answer (at least 1)."""
    return timedelta(seconds=PAUSES[min(unanswered, len(PAUSES)) - 1])


def parse_retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """The `Retry-After` header (RFC 9110 §10.2.3: seconds or a date) as a wait; None if unusable."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)
