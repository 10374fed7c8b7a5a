"""Publishes to Kafka with kafka-python-ng. Made by `connect` in the publisher thread, after the fork.

It keeps the order: one request at a time and no retries by the client. After any failure the producer is
discarded, so that no record in its buffer is sent later. The outbox sends again; consumers recognise
duplicates by the event id.
`KafkaTopicAdmin` reads and creates topics, for `topics` and the local platform.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from shared.messaging.ports import PublishError, Record, Refused, TooLarge, Topic, UnknownTopic
from shared.messaging.security import OPEN, Security

_MAX_RECORD = 1_048_576  # the broker's default message.max.bytes
_SETTINGS: dict[str, Any] = {  # Any: the client's own option types
    "acks": "all",
    "api_version": (2, 6, 0),  # no probing: a dead broker costs 3 ms here instead of seconds
    "retries": 0,
    "max_in_flight_requests_per_connection": 1,
    "linger_ms": 0,
    "batch_size": _MAX_RECORD,  # one drain of one user is one batch: it is stored whole or not at all
    "max_request_size": _MAX_RECORD,
    "request_timeout_ms": 2500,
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 500,
    "retry_backoff_ms": 20,
}
_ADMIN_MS = 5000
_NOT_AS_DECLARED = (
    kafka_errors.InvalidReplicationFactorError,
    kafka_errors.InvalidPartitionsError,
    kafka_errors.InvalidConfigurationError,
    kafka_errors.InvalidTopicError,
    kafka_errors.PolicyViolationError,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
)
_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)
_NO_TOPIC = (kafka_errors.UnknownTopicOrPartitionError, kafka_errors.InvalidTopicError)


class KafkaPublisher:
    """The Kafka adapter of `ports.Publisher`: one producer, made at the first publish and after a failure.

    `bootstrap_servers` is `host:port,…`. Partitions are chosen by murmur2 of the key, as by Kafka's clients.

    >>> publisher = KafkaPublisher("kafka-1:9092, kafka-2:9092")  # connects at the first publish
    >>> publisher.publish([], timeout=1.0)
    0
    >>> publisher.close(timeout=1.0)
    """

    def __init__(self, bootstrap_servers: str, security: Security = OPEN) -> None:
        self._security = security
        self._servers = _addresses(bootstrap_servers)
        self._lock = threading.Lock()
        self._producer: Any = None  # kafka-python-ng has no types

    def publish(self, records: Sequence[Record], *, timeout: float) -> int:
        """See ports.Publisher."""
        deadline = time.monotonic() + timeout
        with self._lock:
            acknowledged, error = self._produce(records, deadline)
            if error is not None and not isinstance(error, Refused):
                self._discard()
        if error is not None and acknowledged == 0:
            raise error
        return acknowledged

    def close(self, *, timeout: float) -> None:
        """Flush for at most `timeout` seconds and release sockets and threads."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=timeout)
                self._producer = None

    def _produce(self, records: Sequence[Record], deadline: float) -> tuple[int, PublishError | None]:
        """The acknowledged prefix, and why it ends there. What was sent is awaited even after a refusal."""
        futures: list[Any] = []
        stopped: PublishError | None = None
        for record in records:
            try:
                futures.append(self._send(record, deadline))
            except PublishError as error:
                stopped = error
                break
        for index, future in enumerate(futures):
            try:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
            except Exception as error:  # noqa: BLE001  # its errors share no base beneath Exception
                return index, _classified(error)
        return len(futures), stopped

    def _send(self, record: Record, deadline: float) -> Any:
        producer = self._connected()
        answers = _Answers(producer)
        producer.config["max_block_ms"] = max(0, int((deadline - time.monotonic()) * 1000))
        try:
            future = producer.send(
                record.topic,
                key=record.key.encode(),
                value=record.value,
                headers=[(name, value.encode()) for name, value in record.headers.items()],
            )
        except kafka_errors.KafkaTimeoutError as error:
            if answers.without_topic():
                raise UnknownTopic(f"Topic {record.topic} does not exist.") from error
            raise PublishError("No broker answers.") from error
        except kafka_errors.KafkaError as error:
            raise _classified(error) from error
        if future.is_done and future.failed():  # refused on this side: nothing after it may be sent
            raise _classified(future.exception) from future.exception
        return future

    def _connected(self) -> Any:
        if self._producer is None:
            try:
                self._producer = KafkaProducer(
                    bootstrap_servers=self._servers, **_SETTINGS, **self._security.options()
                )
            except kafka_errors.KafkaError as error:
                raise PublishError(f"No broker can be reached: {type(error).__name__}.") from error
        return self._producer

    def _discard(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=0)  # aborts what is buffered
            self._producer = None


def _addresses(bootstrap_servers: str) -> list[str]:
    return [server.strip() for server in bootstrap_servers.split(",") if server.strip()]


def _classified(error: BaseException) -> PublishError:
    kind = type(error).__name__
    if isinstance(error, _TOO_LARGE):
        return TooLarge(f"The broker refuses the record: {kind}.")
    if isinstance(error, _NO_TOPIC):
        return UnknownTopic(f"The broker refuses the record: {kind}.")
    return PublishError(f"The broker did not acknowledge: {kind}.")


class _Answers:
    """Distinguishes a missing topic from an unreachable broker: the client reports both as the same timeout.

    If metadata has arrived, the broker is there. Asked for one missing topic it answers with an error; asked
    for several topics it answers without the missing one.
    """

    def __init__(self, producer: Any) -> None:
        self._metadata = producer._metadata  # noqa: SLF001  # there is no public way
        self._before = self._metadata._last_successful_refresh_ms  # noqa: SLF001  # the client does not tell
        self._error: BaseException | None = None
        original = type(self._metadata).failed_update

        def failed_update(error: BaseException) -> None:
            self._error = error
            original(self._metadata, error)

        self._metadata.failed_update = failed_update

    def without_topic(self) -> bool:
        refreshed = self._metadata._last_successful_refresh_ms != self._before  # noqa: SLF001  # the client does not tell
        return bool(refreshed) or isinstance(self._error, _NO_TOPIC)


class KafkaTopicAdmin:
    """See ports.TopicAdmin."""

    def __init__(self, bootstrap_servers: str, security: Security = OPEN) -> None:
        """Raises PublishError when no broker answers."""
        try:
            self._admin: Any = KafkaAdminClient(  # kafka-python-ng has no types
                bootstrap_servers=_addresses(bootstrap_servers),
                api_version=_SETTINGS["api_version"],
                request_timeout_ms=_ADMIN_MS,
                **security.options(),
            )
        except kafka_errors.KafkaError as error:
            # The client tells a refused login as an absent broker.
            which = "No broker can be reached" if security == OPEN else "No broker answers to this login"
            raise PublishError(f"{which}: {type(error).__name__}.") from error

    def existing(self, wanted: Sequence[Topic]) -> Mapping[str, Topic]:
        """See ports.TopicAdmin."""
        partitions = self._partitions()
        found = [topic for topic in wanted if topic.name in partitions]
        configs = self._configs(found)
        return {
            topic.name: Topic(
                topic.name,
                len(partitions[topic.name]),
                min(len(place["replicas"]) for place in partitions[topic.name]),
                configs[topic.name],
            )
            for topic in found
        }

    def create(self, topics: Sequence[Topic]) -> None:
        """See ports.TopicAdmin."""
        for topic in topics:  # one at a time: the client raises for a request, not for its topics
            new = NewTopic(topic.name, topic.partitions, topic.replicas, topic_configs=dict(topic.config))
            try:
                self._admin.create_topics([new], timeout_ms=_ADMIN_MS)
            except kafka_errors.TopicAlreadyExistsError:
                continue
            except _NOT_AS_DECLARED as error:
                kind = type(error).__name__
                raise Refused(
                    f"The broker does not create topic {topic.name} as it is declared: {kind}."
                ) from error
            except kafka_errors.KafkaError as error:
                raise PublishError(f"Topic {topic.name}: {type(error).__name__}.") from error

    def led(self, names: Sequence[str]) -> bool:
        """See ports.TopicAdmin."""
        partitions = self._partitions()
        return all(
            place["leader"] >= 0 and place["error_code"] == 0
            for name in names
            for place in partitions.get(name, [{"leader": -1}])
        )

    def close(self) -> None:
        """See ports.TopicAdmin."""
        self._admin.close()

    def _partitions(self) -> dict[str, list[Any]]:
        """Of every topic: asking for one by name could create it."""
        try:
            return {each["topic"]: each["partitions"] for each in self._admin.describe_topics()}
        except kafka_errors.KafkaError as error:
            raise PublishError(f"The topics cannot be read: {type(error).__name__}.") from error

    def _configs(self, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
        asked = [
            ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.config))
            for topic in topics
        ]
        try:
            answers = self._admin.describe_configs(asked) if asked else []
        except kafka_errors.KafkaError as error:
            raise PublishError(f"The topics cannot be read: {type(error).__name__}.") from error
        return {
            name: {key: value for key, value, *_ in entries}
            for answer in answers
            for _, _, _, name, entries in answer.resources
        }
