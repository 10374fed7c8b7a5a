"""The retry schedule of webhooks."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.backoff import MAX_ATTEMPTS, MAX_RETRY_AFTER, WAITS, next_attempt, parse_retry_after, pause

NOW = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)


def test_the_schedule_is_the_one_of_the_specification():
    minute, hour = 60, 3600
    assert (0, 5, 5 * minute, 30 * minute, *(h * hour for h in (2, 5, 10, 14, 20, 24))) == WAITS


@pytest.mark.parametrize("attempts", range(MAX_ATTEMPTS))
@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_a_retry_is_never_early_and_at_most_a_tenth_late(attempts, draw):
    at = next_attempt(attempts, now=NOW, draw=draw)
    wait = timedelta(seconds=WAITS[attempts])
    assert NOW + wait <= at <= NOW + wait * 1.1


def test_after_the_last_attempt_there_is_none():
    assert next_attempt(MAX_ATTEMPTS, now=NOW, draw=0.0) is None
    assert next_attempt(MAX_ATTEMPTS + 5, now=NOW, draw=0.0) is None


def test_a_longer_retry_after_wins_up_to_a_day():
    assert next_attempt(1, now=NOW, draw=0.0, retry_after=timedelta(minutes=2)) == NOW + timedelta(minutes=2)
    assert next_attempt(2, now=NOW, draw=0.0, retry_after=timedelta(seconds=1)) == NOW + timedelta(minutes=5)
    assert next_attempt(1, now=NOW, draw=0.0, retry_after=timedelta(days=9)) == NOW + MAX_RETRY_AFTER


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("Mon, 01 Jun 2026 07:01:30 GMT", timedelta(seconds=90)),
        ("Mon, 01 Jun 2026 06:00:00 GMT", timedelta(0)),
        ("9" * 400, MAX_RETRY_AFTER),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, expected):
    assert parse_retry_after(value, now=NOW) == expected


def test_an_endpoint_that_answers_nothing_rests_longer_and_at_most_an_hour():
    assert [pause(n).total_seconds() for n in range(1, 7)] == [60, 300, 1_800, 3_600, 3_600, 3_600]
