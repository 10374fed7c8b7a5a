"""Chooses the publisher for an address. Called in the publisher thread, at the first publish of a process."""

from importlib import import_module

from shared.messaging.ports import Publisher
from shared.messaging.security import OPEN, Security


def connect(target: str, security: Security = OPEN) -> Publisher:
    """`http://…` is the local platform's log; anything else are Kafka bootstrap servers `host:port,…`."""
    if _is_local(target):
        from shared.messaging.embedded import EmbeddedPublisher

        return EmbeddedPublisher(target)
    from shared.messaging.kafka import KafkaPublisher  # 70 ms of imports: not before it is needed

    return KafkaPublisher(target, security)


def load(target: str) -> None:
    """Import what `connect` will need; `preload` calls it ahead of the first publish."""
    import_module("shared.messaging.embedded" if _is_local(target) else "shared.messaging.kafka")


def _is_local(target: str) -> bool:
    return target.startswith(("http://", "https://"))
