"""Decides what follows from the answer of an endpoint. Pure; called by `courier`."""

from datetime import datetime
from http import HTTPStatus

from functions.notifications.safe_http import Answer, NotDelivered
from shared.db.repositories.deliveries import Result
from shared.domain.backoff import PATIENCE, next_attempt, parse_retry_after

GONE = int(HTTPStatus.GONE)
_GONE = "the endpoint answered 410 Gone"
_SILENT = f"the endpoint has not answered for {PATIENCE.days} days"


def judge(outcome: Answer | NotDelivered, *, attempts: int, now: datetime, draw: float) -> Result:
    """The result of an attempt: 2xx is sent, 410 is failed, everything else is tried again (redirects,
    too).
    """
    if isinstance(outcome, NotDelivered):
        return _again(outcome.code, attempts=attempts, now=now, draw=draw)
    status = outcome.status
    if 200 <= status < 300:  # noqa: PLR2004  # the range is the rule
        return Result("sent", response_status=status)
    if status == GONE:
        return Result("failed", response_status=status, error=_GONE)
    return _again(
        f"the endpoint answered {status}",
        attempts=attempts,
        now=now,
        draw=draw,
        status=status,
        retry_after=outcome.retry_after,
    )


def reason_to_disable(outcome: object, *, since: datetime | None, now: datetime) -> str | None:
    """Why the endpoint is to be disabled, or None; `since` is the time of its first attempt without an
    answer.
    """
    if isinstance(outcome, Answer) and outcome.status == GONE:
        return _GONE
    silent = isinstance(outcome, NotDelivered) and outcome.late
    return _SILENT if silent and since is not None and now - since >= PATIENCE else None


def _again(
    error: str,
    *,
    attempts: int,
    now: datetime,
    draw: float,
    status: int | None = None,
    retry_after: str | None = None,
) -> Result:
    at = next_attempt(attempts, now=now, draw=draw, retry_after=parse_retry_after(retry_after, now=now))
    return Result("failed" if at is None else "pending", at, status, error)
