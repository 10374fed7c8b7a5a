"""How the handling of an event ended (`Verdict`), and the HTTP answer for it (`render`).

Called by `event` and `consumer`. Knative's dispatcher acts by the status: 204 done, 4xx dead letter, 409 and
5xx send again.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from flask import Response

from shared.domain.errors import AppError, Invalid, RetryLater, Unauthenticated
from shared.runtime import problems
from shared.runtime.http import no_content
from shared.runtime.logging import get_logger

_RETRIED = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)  # of the statuses of an AppError
_TRANSPORT = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

log = get_logger(__name__)


class Unstorable(Invalid):
    """The database can never store what this event says."""

    code = "unstorable_event"


@dataclass(frozen=True)
class Verdict:
    """`kind`: done, transient (send again), permanent (dead letter at once) or bug (send again). It is
    written into the dead letter.
    """

    kind: Literal["done", "transient", "permanent", "bug"]
    status: int
    error: AppError | None = None


DONE = Verdict("done", HTTPStatus.NO_CONTENT)


def judge(error: Exception) -> Verdict:
    """The verdict on a handler that raised `error`; logs it. A bug is sent again: a new release may mend it.

    >>> from shared.domain.errors import NotFound
    >>> verdict = judge(NotFound())
    >>> verdict.kind, int(verdict.status)
    ('permanent', 422)
    >>> judge(RetryLater()).kind
    'transient'
    """
    if not isinstance(error, AppError):
        if not _never_storable(error):
            log.failure("event handler failed", error)
            return Verdict("bug", HTTPStatus.INTERNAL_SERVER_ERROR)
        log.failure("event cannot be stored", error)
        error = Unstorable()
    status = _status(error)
    kind: Literal["transient", "permanent"] = "transient" if status in _RETRIED else "permanent"
    cause = type(error.__cause__).__name__ if error.__cause__ else None
    log.warning("event refused", status=status, code=error.code, cause=cause)
    return Verdict(kind, status, error)


def render(name: str, verdict: Verdict, *, instance: str | None) -> Response:
    """The answer of the function `name`: 204 without a body, or a problem with the kind in a header."""
    if verdict.kind == "done":
        return no_content()
    if verdict.error is None:
        response = problems.of_unknown(instance=instance)
    else:
        response = problems.of_app_error(verdict.error, instance=instance, status=verdict.status)
    response.headers["Kne-Errorclass"] = verdict.kind  # become extensions of the dead letter
    response.headers["Kne-Function"] = name
    return response


def _status(error: AppError) -> int:
    """409 and 503 are sent again. Every other domain error is 422: the dispatcher would send a 404 again."""
    if isinstance(error, RetryLater):
        from shared.db.store.inbox import EventInProgress  # with psycopg: only a running consumer has it

        return HTTPStatus.CONFLICT if isinstance(error, EventInProgress) else HTTPStatus.SERVICE_UNAVAILABLE
    status = problems.status_of(error)
    passed_on = status in _TRANSPORT or isinstance(error, Unauthenticated)
    return status if passed_on else HTTPStatus.UNPROCESSABLE_ENTITY


def _never_storable(error: Exception) -> bool:
    from shared.db.sqlstate import is_permanent  # with psycopg: only after an error

    return is_permanent(error)
