"""Actors (who causes a change) and UUIDv7 ids. Called wherever an id or an actor is made."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

ActorKind = Literal["user", "token", "function", "assistant"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE = b"taskflow\x00"


@dataclass(frozen=True)
class Actor:
    """Who caused a change: a user, one of their API tokens, a function or the assistant."""

    kind: ActorKind
    id: str

    def as_dict(self) -> dict[str, str]:
        """The actor as events have it."""
        return {"kind": self.kind, "id": self.id}


def uuid7(now: datetime, *, randomness: bytes | None = None) -> UUID:
    """A UUIDv7 (RFC 9562 §5.7) of the aware instant `now`; `randomness` is 10 bytes, drawn when absent.

    >>> uuid7(datetime(2026, 6, 1, tzinfo=UTC), randomness=bytes(10))
    UUID('019e807a-ec00-7000-8000-000000000000')
    """
    millis = (now - _EPOCH) // timedelta(milliseconds=1)
    tail = int.from_bytes(secrets.token_bytes(10) if randomness is None else randomness, "big")
    rand_a, rand_b = (tail >> 68) & 0xFFF, tail & ((1 << 62) - 1)
    return UUID(int=(millis << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b)


def derived_uuid(now: datetime, *parts: str) -> UUID:
    """A UUIDv7 whose random part is a digest of `parts`: the same instant and parts give the same id."""
    digest = hashlib.sha256(_NAMESPACE + "\x00".join(parts).encode()).digest()
    return uuid7(now, randomness=digest[:10])
