"""Webhook endpoints: which events they ask for, and the signed message that they get (Standard Webhooks 1.0).
Pure; called by the unit of work (the `webhooks` extension), by `tasks` and by `notifications`.

Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from shared.domain.errors import invalid_field
from shared.events.base import plain

MAX_PATTERNS = 20
MAX_BODY_BYTES = 20_000  # the specification: "less than 20kb"
MAX_SHORT = 256  # characters of a value that survives truncation
SECRET_BYTES = 32
ROTATION = timedelta(days=1)  # how long a replaced secret still signs
_PREFIX, _SECRET_PREFIX = "io.taskflow.", "whsec_"


def short_name(event_type: str) -> str:
    """The name that patterns use: `io.taskflow.task.completed.v1` → `task.completed`."""
    name = event_type.removeprefix(_PREFIX)
    return name.rpartition(".v")[0] or name  # a digest is no event and has no version


@cache
def subscribable() -> frozenset[str]:
    """The names that endpoints may ask for: all but `task.changed`, a hint for `updates` without content."""
    from shared.events.catalog import EVENTS  # every class of event: not for a request that reads
    from shared.events.task import TaskChanged

    return frozenset(short_name(t) for t in EVENTS if t != TaskChanged.type)


@cache
def known_patterns() -> frozenset[str]:
    """Every name, `task.*` for every subject, and `*`."""
    return subscribable() | {f"{name.partition('.')[0]}.*" for name in subscribable()} | {"*"}


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of `patterns` (`task.completed`, `task.*`, `*`) asks for the full `event_type`.

    >>> matches(["task.*"], "io.taskflow.task.completed.v1")
    True
    """
    name = short_name(event_type)
    wanted = {name, f"{name.partition('.')[0]}.*", "*"}
    return name in subscribable() and any(pattern in wanted for pattern in patterns)


def check_patterns(value: object, *, field: str = "events") -> tuple[str, ...]:
    """`value` as distinct patterns in the order given; `Invalid` for an unknown name or an empty list."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_PATTERNS:
        message = f"{field} must be a list of 1 to {MAX_PATTERNS} event names"
        raise invalid_field(field, "invalid_events", message)
    for pattern in value:
        if not isinstance(pattern, str) or pattern not in known_patterns():
            message = f"unknown event name; known are {', '.join(sorted(known_patterns()))}"
            raise invalid_field(field, "unknown_event", message)
    return tuple(dict.fromkeys(value))


def format_secret(key: bytes) -> str:
    """The secret as the user sees it: `whsec_` and base64."""
    return _SECRET_PREFIX + base64.b64encode(key).decode()


def seal_context(user_id: str, webhook_id: UUID) -> str:
    """The context that a secret is sealed with: copied to the row of another endpoint it cannot be opened."""
    return f"webhook/{user_id}/{webhook_id}"


def parse_secret(secret: str) -> bytes:
    """The key bytes of a `whsec_…` secret; the ValueError does not contain the secret."""
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is whsec_ followed by base64") from None


@dataclass(frozen=True)
class Secrets:
    """The secrets that sign an endpoint's messages: one, or two for a day after it was replaced."""

    current: str
    previous: str | None = None
    previous_until: datetime | None = None

    def rotated(self, new: str, *, now: datetime) -> "Secrets":
        """`new` as the current secret; the present one signs, too, for ROTATION from `now` on."""
        return Secrets(new, self.current, now + ROTATION)

    def valid(self, now: datetime) -> list[str]:
        """The secrets to sign with, the current one first."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return [self.current]
        return [self.current, self.previous]

    def to_json(self) -> str:
        """What is sealed and stored."""
        return json.dumps([self.current, self.previous, plain(self.previous_until)])

    @classmethod
    def from_json(cls, text: str) -> "Secrets":
        """The inverse of `to_json`."""
        current, previous, until = json.loads(text)
        return cls(current, previous, datetime.fromisoformat(until) if until else None)


def sign(secrets: Sequence[str], body: bytes, *, message_id: str, timestamp: int) -> str:
    """The `webhook-signature` header: one `v1,<base64>` per secret (two while a secret is rotated).

    >>> sign(["whsec_c2VjcmV0"], b'{"type":"ping"}', message_id="msg_1", timestamp=1_780_300_800)
    'v1,9TiPvfdD8LyGOfOxiBbO0Q0Io1xPAyv2RsVBuf2Nk7g='
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(parse_secret(s), signed, hashlib.sha256).digest() for s in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def headers(secrets: Sequence[str], body: bytes, *, message_id: str, sent_at: datetime) -> dict[str, str]:
    """Every header of one attempt; `message_id` is the same on all of them, `sent_at` the attempt's."""
    timestamp = int(sent_at.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": "TaskFlow-Webhooks/1.0",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, body, message_id=message_id, timestamp=timestamp),
    }


def payload(event_type: str, *, occurred_at: datetime, data: Mapping[str, Any]) -> str:
    """The body of every attempt: `{"type", "timestamp", "data"}`, below 20 kB.

    If it would be larger, `changes` and other large values are left out and `"truncated": true` is added;
    the receiver reads the task by its id.
    """
    text = _encode(event_type, occurred_at, data)
    if len(text.encode()) < MAX_BODY_BYTES:
        return text
    small = {k: v for k, v in data.items() if not isinstance(v, Mapping | list) and len(str(v)) <= MAX_SHORT}
    return _encode(event_type, occurred_at, {**small, "truncated": True})


def _encode(event_type: str, occurred_at: datetime, data: Mapping[str, Any]) -> str:
    body = {"type": short_name(event_type), "timestamp": plain(occurred_at), "data": plain(data)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
