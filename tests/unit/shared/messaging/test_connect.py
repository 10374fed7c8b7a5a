"""The address decides which log is published to."""

from shared.messaging.connect import connect
from shared.messaging.embedded import EmbeddedPublisher
from shared.messaging.kafka import KafkaPublisher


def test_urls_are_the_local_platform():
    assert isinstance(connect("http://127.0.0.1:8081"), EmbeddedPublisher)


def test_anything_else_is_kafka_and_connects_only_when_used():
    assert isinstance(connect("a:9092, b:9092"), KafkaPublisher)


def test_nothing_to_publish_needs_no_log():
    for target in ("http://127.0.0.1:1", "127.0.0.1:1"):
        publisher = connect(target)
        assert publisher.publish([], timeout=1) == 0
        publisher.close(timeout=1)
