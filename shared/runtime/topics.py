"""`python -m shared.runtime.topics`: creates the topics that the KafkaTopics of a folder declare, on a Kafka
that no Strimzi operator looks after. Run by the installation before any source (docs/install.md); a second
run changes nothing.

KAFKA_SECURITY_PROTOCOL, KAFKA_USER and the others of docs/configuration.md say how it proves who it is.
"""

import argparse
import contextlib
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from shared.messaging.kafka import KafkaTopicAdmin
from shared.messaging.ports import PublishError, Refused, Topic, TopicAdmin
from shared.messaging.security import Security
from shared.messaging.topics import Comparison, NotDeclared, TopicsDiffer, ensure, read, replicated
from shared.runtime.clock import monotonic
from shared.runtime.settings import BadSettings, kafka_security

WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


def main(arguments: Sequence[str]) -> int:
    """0 when every topic is as declared, 1 with the reason when not, 2 for wrong arguments."""
    choice = _options(arguments)
    logging.disable()  # the client logs a traceback for every attempt, to its own logger and to the root
    try:
        wanted = read(choice.directory)
        if choice.replicas:
            wanted = [replicated(topic, choice.replicas) for topic in wanted]
        found = _ensured(choice.bootstrap, kafka_security(), wanted, seconds=choice.wait)
    except (NotDeclared, TopicsDiffer, PublishError, BadSettings) as error:
        sys.stderr.write(f"topics: {error}\n")
        return 1
    _report(wanted, found)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m shared.runtime.topics", description="Creates topics.")
    parser.add_argument("directory", type=Path, help="holds the KafkaTopics (eventing/, a mounted ConfigMap)")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT[,…]", help="Kafka's addresses")
    parser.add_argument("--replicas", type=int, help="instead of the declared number; sets min.insync, too")
    parser.add_argument(
        "--wait",
        type=float,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help=f"for the broker, and for leaders (default {WAIT_SECONDS:.0f})",
    )
    return parser.parse_args(arguments)


def _ensured(bootstrap: str, security: Security, wanted: Sequence[Topic], *, seconds: float) -> Comparison:
    """A broker that starts, or that has just lost its controller, is asked again until the time is over."""
    deadline = monotonic() + seconds
    while True:
        try:
            with contextlib.closing(KafkaTopicAdmin(bootstrap, security)) as admin:
                found = ensure(admin, wanted)
                _await_leaders(admin, [topic.name for topic in wanted], deadline)
                return found
        except Refused:
            raise
        except PublishError as error:
            if monotonic() > deadline:
                raise PublishError(f"{bootstrap}: {error}") from error
            time.sleep(_PAUSE_SECONDS)


def _await_leaders(admin: TopicAdmin, names: Sequence[str], deadline: float) -> None:
    """A source that starts before a new topic has leaders fails its first attempts."""
    while not admin.led(names):
        if monotonic() > deadline:
            raise PublishError(f"Not every partition of {', '.join(names)} has a leader.")
        time.sleep(_PAUSE_SECONDS)


def _report(wanted: Sequence[Topic], found: Comparison) -> None:
    missing = {topic.name for topic in found.missing}
    for topic in wanted:
        state = "created" if topic.name in missing else "is there"
        sys.stdout.write(f"{state}: {topic.name}, {topic.partitions} partitions\n")
    sys.stdout.writelines(f"note: {line}\n" for line in found.noted)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
