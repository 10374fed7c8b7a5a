"""A real Kafka for the tests that want one: without it they skip, and fail in continuous integration."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local import kafka_broker
from shared.testing.ports import reserve


def need_kafka() -> None:
    """Skips the test, or ends it in continuous integration, where a broker cannot be had."""
    if reason := kafka_broker.unavailable():
        if os.environ.get("CI") == "true":
            raise RuntimeError(reason)
        pytest.skip(reason)


@contextlib.contextmanager
def real_kafka(directory: Path, login: kafka_broker.Login | None = None) -> Iterator[kafka_broker.Broker]:
    """A broker that keeps its data in `directory` until the block ends; see `need_kafka`."""
    need_kafka()
    with kafka_broker.running_broker(directory, reserve(), login=login) as broker:
        yield broker
