"""What an attempt means for its delivery."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.notifications.safe_http import Answer, NotDelivered
from functions.notifications.verdict import judge, reason_to_disable
from shared.domain.backoff import MAX_ATTEMPTS, PATIENCE, WAITS

NOW = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)


def judged(outcome, attempts=1):
    return judge(outcome, attempts=attempts, now=NOW, draw=0.0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_success(status):
    result = judged(Answer(status))
    assert (result.state, result.response_status, result.next_attempt_at) == ("sent", status, None)


@pytest.mark.parametrize("status", [100, 301, 304, 308, 400, 401, 404, 409, 422, 429, 500, 503, 599])
def test_everything_else_is_retried(status):
    result = judged(Answer(status))
    assert (result.state, result.response_status) == ("pending", status)
    assert result.next_attempt_at == NOW + timedelta(seconds=WAITS[1])


def test_gone_ends_it():
    assert judged(Answer(410)).state == "failed"


def test_no_answer_is_retried_and_says_why():
    result = judged(NotDelivered("timed out"))
    assert (result.state, result.error, result.response_status) == ("pending", "timed out", None)


@pytest.mark.parametrize("outcome", [Answer(500), NotDelivered("timed out")])
def test_after_the_last_attempt_it_has_failed(outcome):
    result = judged(outcome, attempts=MAX_ATTEMPTS)
    assert (result.state, result.next_attempt_at) == ("failed", None)


def test_retry_after_is_honoured():
    result = judged(Answer(503, retry_after="90"))
    assert result.next_attempt_at == NOW + timedelta(seconds=90)


LATE, REFUSED = NotDelivered("timed out", late=True), NotDelivered("no connection could be made")


@pytest.mark.parametrize(
    ("outcome", "since", "disabled"),
    [
        (Answer(410), None, True),
        (Answer(500), NOW - PATIENCE, False),  # an answer ends the silence
        (LATE, None, False),
        (LATE, NOW - PATIENCE + timedelta(seconds=1), False),
        (LATE, NOW - PATIENCE, True),
        (REFUSED, NOW - PATIENCE, False),
    ],
)
def test_an_endpoint_is_disabled_when_it_is_gone_or_silent_for_days(outcome, since, disabled):
    assert (reason_to_disable(outcome, since=since, now=NOW) is not None) is disabled
