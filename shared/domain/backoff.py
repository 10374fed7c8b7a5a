"""When a webhook is tried again (Standard Webhooks 1.0, "Retry schedule"), and how long an endpoint rests
that lets attempts wait in vain. Pure: the clock and the randomness are arguments; called by `notifications`.

A retry starts at the next minute tick after its time: the 5 s step takes up to a minute, the others are
late by less than one. Waking a function for five seconds' worth of precision would cost more than it gives.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Seconds before attempt 1, 2, 3 … 10: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
WAITS = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MAX_ATTEMPTS = len(WAITS)
JITTER = 0.1  # up to this share is added, so that endpoints that failed together do not return together
MAX_RETRY_AFTER = timedelta(days=1)
# Seconds that an endpoint gets nothing after 1, 2, 3, 4 … attempts in a row that waited in vain: each of them
# holds a thread for as long as an attempt may take, and its backlog would hold one all the time.
PAUSES = (60, 300, 1_800, 3_600)
PATIENCE = timedelta(days=5)  # without any answer; then the endpoint is disabled


def next_attempt(
    attempts: int, *, now: datetime, draw: float, retry_after: timedelta | None = None
) -> datetime | None:
    """When to try again after `attempts` failed ones, or None when all are used up.

    `draw` is uniform in [0, 1); a longer `retry_after` wins over the schedule.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = timedelta(seconds=WAITS[attempts] * (1 + JITTER * draw))
    if retry_after is not None:
        wait = max(wait, min(retry_after, MAX_RETRY_AFTER))
    return now + wait


def pause(unanswered: int) -> timedelta:
    """How long an endpoint rests after `unanswered` attempts in a row that waited in vain."""
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
