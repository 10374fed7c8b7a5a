"""Chooses the publisher for an address. Called in the publisher thread, at the first publish of a process."""

from shared.messaging.ports import Publisher
from shared.messaging.security import OPEN, Security


def connect(target: str, security: Security = OPEN) -> Publisher:
    """`http://…` is the local platform's log; anything else are Kafka bootstrap servers `host:port,…`."""
    if target.startswith(("http://", "https://")):
        from shared.messaging.embedded import EmbeddedPublisher

        return EmbeddedPublisher(target)
    from shared.messaging.kafka import KafkaPublisher  # 70 ms of imports: not before it is needed

    return KafkaPublisher(target, security)
