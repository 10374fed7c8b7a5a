"""Every delivery retries, times out, ends in a dead letter, and a failing function gets there within 30 s."""

from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim

from scripts.local.durations import iso_seconds
from shared.runtime import consumer
from shared.runtime.consumer import HANDLER_SECONDS
from shared.runtime.event import TICK_SECONDS
from shared.runtime.lifecycle import FLUSH_SECONDS

DEAD_LETTERS_THEMSELVES = "eventing/kafkasource-relay-dlq.yaml"  # they retry for long instead
LIMIT_SECONDS = 30
STAGGER_SECONDS = 15
QUEUE_PROXY_DRAIN_SECONDS = 30
FEEDS = ("KafkaSource", "Trigger", "Broker")


@pytest.fixture
def deliveries(documents):
    return {p: d["spec"].get("delivery", {}) for p, d in documents.items() if d["kind"] in FEEDS}


def test_every_delivery_says_everything(deliveries):
    for path, delivery in deliveries.items():
        wanted = {"retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink"}
        assert set(delivery) == wanted - ({"deadLetterSink"} if path == DEAD_LETTERS_THEMSELVES else set()), (
            path
        )
        assert type(delivery["retry"]) is int, path
        assert iso_seconds(delivery["backoffDelay"]) > 0, path


def test_dead_letter_sinks_exist_and_belong_to_the_topic(wired):
    for feed in wired.feeds:
        letter = feed.delivery.dead_letter
        if letter is None:
            assert all(topic.endswith("-dlq") for topic in feed.topics)
            continue
        assert letter.kind == "KafkaSink"
        assert [wired.sinks[letter.name].topic] == [f"{topic}-dlq" for topic in feed.topics]


def test_a_failing_function_reaches_the_dead_letters_in_time(wired):
    for feed in wired.feeds:
        if feed.delivery.dead_letter is None:
            continue
        policy = feed.delivery.policy
        waits = sum(policy.wait(attempt) for attempt in range(1, policy.retry + 1))
        attempt = HANDLER_SECONDS + consumer._RECORD_SECONDS  # the record of a failure has its own second
        worst = (policy.retry + 1) * attempt + waits
        assert worst <= LIMIT_SECONDS, f"{feed.name}: {worst} s"


def test_dead_letters_outlast_an_outage_of_half_an_hour(wired):
    for feed in wired.feeds:
        if feed.delivery.dead_letter is None:
            waits = sum(feed.delivery.policy.wait(n) for n in range(1, feed.delivery.policy.retry + 1))
            assert waits >= 900, feed.name


def test_a_cold_start_fits_into_one_attempt(wired):
    for feed in wired.feeds:
        assert feed.delivery.policy.timeout >= 6 * HANDLER_SECONDS
        assert feed.delivery.policy.timeout <= wired.services[feed.sink.name].timeout


def test_a_tick_fits_into_the_request_timeout(wired):
    assert wired.ticks
    for tick in wired.ticks.values():
        service = wired.services[tick.sink.name]
        assert service.timeout > TICK_SECONDS
        assert not service.public


def test_minute_ticks_leave_time_at_zero(wired):
    """A pod without requests waits for its window, is then drained for 30 s and ends."""
    for tick in wired.ticks.values():
        gone = 60 - wired.services[tick.sink.name].idle - QUEUE_PROXY_DRAIN_SECONDS - FLUSH_SECONDS
        assert gone >= 10, tick.name


def test_ticks_wake_one_function_after_the_other(wired):
    """Three starts in the same second slowed every request down for one or two on two cores."""
    begin = datetime(2026, 1, 1, 11, 59, 59, tzinfo=UTC)
    seconds = []
    for tick in wired.ticks.values():
        fires = CronSim(tick.schedule, begin)
        first, second = next(fires), next(fires)
        assert second - first == timedelta(minutes=1), tick.name
        seconds.append(first.second)
    seconds.sort()
    apart = [
        (later - earlier) % 60 for earlier, later in zip(seconds, [*seconds[1:], seconds[0]], strict=True)
    ]

    assert min(apart) >= STAGGER_SECONDS, seconds


def test_reminders_are_looked_for_at_the_full_minute(wired):
    """Most are due then, and every second of waiting is one that they are late."""
    assert next(CronSim(wired.ticks["reminders"].schedule, datetime(2026, 1, 1, 12, tzinfo=UTC))).second == 0


def test_events_are_ordered_and_none_is_skipped_at_the_first_start(wired):
    for feed in wired.feeds:
        assert feed.ordered, feed.name
        assert feed.earliest, feed.name
        assert feed.group, feed.name
