"""Decides what follows a delivery attempt: done, retry or dead letter. Pure; called by delivery.py.

The rules are those of Knative's Kafka data plane: WebClientCloudEventSender.java (which answers are
retried), BaseResponseHandler.java (replies) and RecordDispatcherImpl.java (dead letter extensions).
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scripts.local.events import CONTEXT, CloudEvent, MalformedEvent, from_http

ERROR_DATA_BYTES = 1024
_RETRIED = frozenset({404, 408, 409, 429})
_EXTENSION = re.compile(r"^[a-z0-9]+$")


@dataclass(frozen=True)
class Answer:
    """What a destination answered; header names are lower-case."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class NoAnswer:
    """There was no answer: connection refused or broken, or the attempt timed out."""

    reason: str


Outcome = Answer | NoAnswer


@dataclass(frozen=True)
class Policy:
    """The part of a delivery spec that decides; times in seconds."""

    retry: int
    backoff: Literal["exponential", "linear"]
    delay: float
    timeout: float

    def wait(self, attempt: int) -> float:
        """Pause after the failed attempt number `attempt` (from 1): delay·2^n or delay·n."""
        return self.delay * (2.0**attempt if self.backoff == "exponential" else attempt)


# What the data plane does when a KafkaSource or a Broker says nothing about delivery.
SOURCE_DEFAULT = Policy(retry=10, backoff="exponential", delay=0.3, timeout=600.0)
BROKER_DEFAULT = Policy(retry=10, backoff="exponential", delay=0.2, timeout=600.0)


@dataclass(frozen=True)
class Delivered:
    """Done: the offset may be committed after the reply (if any) is stored."""

    reply: CloudEvent | None = None


@dataclass(frozen=True)
class Retry:
    """Try again after so many seconds."""

    after: float
    reason: str


@dataclass(frozen=True)
class Undeliverable:
    """To the dead letter sink; never tried again."""

    reason: str


Decision = Delivered | Retry | Undeliverable


def retried(status: int) -> bool:
    """Whether the data plane retries this status."""
    return status >= 500 or status in _RETRIED


def decide(outcome: Outcome, attempt: int, *, policy: Policy, replies: bool) -> Decision:
    """What follows the attempt number `attempt` (from 1). `replies`: a Trigger; sources discard bodies."""
    if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
        return _reply(outcome) if replies else Delivered()
    reason = describe(outcome)
    if isinstance(outcome, Answer) and not retried(outcome.status):
        return Undeliverable(reason)
    if attempt > policy.retry:
        return Undeliverable(f"{reason} after {attempt} attempts")
    return Retry(policy.wait(attempt), reason)


def dead_letter(event: CloudEvent, destination: str, outcome: Outcome) -> CloudEvent:
    """The event as the dead letter sink gets it: knativeerror* and one extension per Kne-* header."""
    extensions = {"knativeerrordest": destination}
    if isinstance(outcome, Answer):
        extensions["knativeerrorcode"] = str(outcome.status)
        if outcome.body:
            extensions["knativeerrordata"] = base64.b64encode(outcome.body[:ERROR_DATA_BYTES]).decode()
        extensions |= _kne_extensions(dict(outcome.headers))
    return event.extended(extensions)


def describe(outcome: Outcome) -> str:
    """One line for logs and the status page."""
    if isinstance(outcome, NoAnswer):
        return outcome.reason
    text = outcome.body[:200].decode(errors="replace").strip()
    return f"{outcome.status} {text}".strip()


def _reply(answer: Answer) -> Decision:
    try:
        reply = from_http(answer.headers, answer.body)
    except MalformedEvent as error:
        if not answer.body:
            return Delivered()
        return Undeliverable(f"{answer.status} with a malformed CloudEvent as reply: {error}")
    if reply is None and answer.body:
        return Undeliverable(f"{answer.status} with a body that is not a CloudEvent; answer 204 without one")
    return Delivered(reply)


def _kne_extensions(headers: Mapping[str, str]) -> dict[str, str]:
    named = {name[4:]: text for name, text in headers.items() if name.startswith("kne-")}
    return {name: text for name, text in named.items() if _EXTENSION.match(name) and name not in CONTEXT}
