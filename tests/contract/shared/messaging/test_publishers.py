"""What every publisher promises, on the real thing and on its doubles."""

import threading
import uuid
from datetime import UTC, datetime

import pytest
from kafka.partitioner.default import murmur2

from shared.messaging.encoding import published, record_of
from shared.messaging.ports import Record, Refused, TooLarge, UnknownTopic
from tests.contract.shared.messaging.conftest import PARTITIONS, Log, Stored

SECONDS = 15.0  # a slow machine, not a slow log


def _record(key: str, n: int = 0, topic: str = "task-events") -> Record:
    return Record(topic, key, {"ce_id": f"{key}-{n}", "ce_subject": "Ünïcode €"}, f'{{"n":{n}}}'.encode())


def _of(log: Log, *keys: str) -> list[Stored]:
    return [stored for stored in log.read("task-events") if stored.key in keys]


@pytest.fixture
def key() -> str:
    """A user that no other test of this log knows."""
    return f"user-{uuid.uuid4()}"


def test_records_arrive_complete_and_in_order(log, key):
    sent = [_record(key, n) for n in range(500)]
    assert log.publisher.publish(sent, timeout=SECONDS) == 500
    found = _of(log, key)
    assert [s.value for s in found] == [r.value for r in sent]
    assert [s.headers for s in found] == [dict(r.headers) for r in sent]
    assert len({s.partition for s in found}) == 1


def test_a_cloudevent_keeps_its_attributes(log):
    key = f"Ünser-{uuid.uuid4()}"
    event = published(
        id=uuid.uuid4(),
        source="/taskflow/tasks",
        type="io.taskflow.task.created.v1",
        task_id=None,
        user_id=key,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        schema_version=1,
        flags={"recurring": "true"},
        traceparent=None,
        data={"title": "ü"},
    )
    made = record_of(event, topic="task-events")
    assert log.publisher.publish([made], timeout=SECONDS) == 1
    [found] = _of(log, key)
    assert (found.headers, found.value) == (dict(made.headers), made.value)


def test_nothing_is_fine(log):
    assert log.publisher.publish([], timeout=SECONDS) == 0


def test_an_unknown_topic_is_told_apart(log, key):
    with pytest.raises(UnknownTopic) as unknown:
        log.publisher.publish([_record(key, topic="no-such-topic"), _record(key)], timeout=3)
    assert isinstance(unknown.value, Refused)


def test_the_prefix_before_a_refused_record_is_acknowledged(log, key):
    records = [_record(key, 0), _record(key, 1), _record(key, topic="no-such-topic"), _record(key, 2)]
    assert log.publisher.publish(records, timeout=3) == 2
    with pytest.raises(UnknownTopic):
        log.publisher.publish(records[2:], timeout=3)
    assert log.publisher.publish(records[3:], timeout=SECONDS) == 1
    assert [s.value for s in _of(log, key)] == [b'{"n":0}', b'{"n":1}', b'{"n":2}']


def test_a_record_that_is_too_large_is_told_apart(log, key):
    if not log.limits_records:
        pytest.skip("the platform's log has no limit; the outbox refuses above 64 KiB")
    large = Record("task-events", key, {}, b"x" * 1_100_000)
    with pytest.raises(TooLarge):
        log.publisher.publish([large], timeout=SECONDS)
    assert log.publisher.publish([_record(key), large], timeout=SECONDS) == 1
    assert log.publisher.publish([_record(key, 1)], timeout=SECONDS) == 1


def test_the_largest_events_fit(log, key):
    large = [Record("task-events", key, {"n": str(n)}, b"x" * 65_536) for n in range(40)]
    assert log.publisher.publish(large, timeout=SECONDS) == 40
    assert [s.headers["n"] for s in _of(log, key)] == [str(n) for n in range(40)]


def test_keys_go_where_java_puts_them(log):
    if not log.partitions:
        pytest.skip("the log in memory has no partitions")
    keys = [f"user-{uuid.uuid4()}" for _ in range(60)] + ["", "ü", "a" * 300]
    assert log.publisher.publish([_record(k) for k in keys], timeout=SECONDS) == len(keys)
    for stored in _of(log, *keys):
        assert stored.partition == (murmur2(stored.key.encode()) & 0x7FFFFFFF) % PARTITIONS


def test_threads_may_share_a_publisher(log):
    users = [f"user-{uuid.uuid4()}" for _ in range(8)]

    def publish(user: str) -> None:
        for n in range(0, 20, 5):
            records = [_record(user, m) for m in range(n, n + 5)]
            assert log.publisher.publish(records, timeout=SECONDS) == 5

    threads = [threading.Thread(target=publish, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for user in users:
        assert [s.value for s in _of(log, user)] == [f'{{"n":{n}}}'.encode() for n in range(20)]


def test_a_closed_publisher_may_be_closed_again(log):
    log.publisher.close(timeout=SECONDS)
    log.publisher.close(timeout=SECONDS)
