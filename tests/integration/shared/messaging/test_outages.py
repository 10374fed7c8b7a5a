"""Logs that are down, hang, lie or come back: never an exception of another kind, never a wrong verdict."""

import contextlib
import http.server
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from scripts.local import kafka_broker
from shared.messaging.connect import connect
from shared.messaging.ports import Publisher, PublishError, Record, Refused, TooLarge, UnknownTopic
from shared.runtime.publisher import PUBLISH_SECONDS
from shared.testing.ports import reserve
from tests.real_kafka import real_kafka

RECORDS = [Record("task-events", "user", {"ce_id": str(n)}, b"{}") for n in range(3)]


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """Accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_nobody_listens(form):
    publisher = connect(form.format(reserve()))
    for _ in range(2):
        with pytest.raises(PublishError) as failed:
            publisher.publish(RECORDS, timeout=0.5)
        assert not isinstance(failed.value, Refused)
    publisher.close(timeout=1)


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_somebody_listens_and_hangs(form):
    with _silent() as port:
        publisher = connect(form.format(port))
        with pytest.raises(PublishError) as failed:
            publisher.publish(RECORDS, timeout=0.5)
        assert not isinstance(failed.value, Refused)
        publisher.close(timeout=1)


@contextlib.contextmanager
def _answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"{}", UnknownTopic),
        (413, b"{}", TooLarge),
        (400, b"{}", PublishError),
        (503, b"{}", PublishError),
        (302, b"", PublishError),
        (200, b"not json", PublishError),
        (200, b"{}", PublishError),
        (200, b'{"results": 5}', PublishError),
        (200, b'{"results": []}', PublishError),
    ],
)
def test_answers_of_the_platforms_log(status, body, kind):
    with _answering(status, body) as url, pytest.raises(PublishError) as failed:
        connect(url).publish(RECORDS, timeout=5)
    assert type(failed.value) is kind


@pytest.fixture
def broker(tmp_path) -> Iterator[kafka_broker.Broker]:
    with real_kafka(tmp_path) as found:
        yield found


def _create_topic(servers: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers, api_version=(2, 6, 0))
    admin.create_topics([NewTopic("task-events", 1, 1)])
    admin.close()


def _stored(servers: str, last: int) -> list[int]:
    """The numbers in the topic, up to the first `last`."""
    consumer = KafkaConsumer(bootstrap_servers=servers, api_version=(2, 6, 0), enable_auto_commit=False)
    place = TopicPartition("task-events", 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    found: list[int] = []
    while last not in found:
        for records in consumer.poll(timeout_ms=1000).values():
            found += [int(record.value) for record in records]
    consumer.close()
    return found


def _publish_until_stored(publisher: Publisher, number: int, after_failure: Callable[[], object]) -> int:
    """The number of failed attempts, none of which may say that the record itself is to blame."""
    record, failures = Record("task-events", "user", {"ce_id": str(uuid.uuid4())}, str(number).encode()), 0
    while True:
        try:
            publisher.publish([record], timeout=2)
        except Refused:
            raise
        except PublishError:
            failures += 1
            if failures == 1:
                after_failure()
        else:
            return failures


def test_a_killed_broker_comes_back(broker):
    """The same publisher object goes on; what it reported as stored is stored, in order."""
    _create_topic(broker.servers)
    publisher = connect(broker.servers)
    for number in range(5):
        _publish_until_stored(publisher, number, lambda: None)
    broker.kill()
    assert _publish_until_stored(publisher, 5, broker.start) > 0
    for number in range(6, 10):
        _publish_until_stored(publisher, number, lambda: None)
    publisher.close(timeout=5)
    found = _stored(broker.servers, last=9)
    assert list(dict.fromkeys(found)) == list(range(10))  # duplicates are allowed, disorder is not


def test_a_broker_that_stands_still_holds_nobody(broker):
    """SIGSTOP: its kernel accepts whatever is sent. The publisher gives up in its time and can be closed."""
    _create_topic(broker.servers)
    publisher, other = connect(broker.servers), connect(broker.servers)
    for each in (publisher, other):
        _publish_until_stored(each, 0, lambda: None)
    broker.signal(signal.SIGSTOP)
    try:
        for _ in range(2):  # on the connection that it has, then on a new one
            started = time.monotonic()
            with pytest.raises(PublishError) as failed:
                publisher.publish(RECORDS[:1], timeout=0.5)
            assert not isinstance(failed.value, Refused)
            assert time.monotonic() - started < PUBLISH_SECONDS
        started = time.monotonic()
        other.close(timeout=0.5)
        assert time.monotonic() - started < PUBLISH_SECONDS
    finally:
        broker.signal(signal.SIGCONT)
    for number in range(1, 4):
        _publish_until_stored(publisher, number, lambda: None)
    publisher.close(timeout=5)
