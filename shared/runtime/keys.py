"""The issuer's public keys: fetched from its JWKS, kept through its outages. Used by `auth`.

Refreshed in the background after 5 minutes, served stale for a day, fetched at most twice a minute
whatever tokens arrive. PyJWT's own client refuses valid tokens when the endpoint is down for 5 minutes.
"""

import http.client
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from shared.domain.errors import AppError, RetryLater
from shared.messaging import strict_json
from shared.runtime import clock as clocks
from shared.runtime.logging import get_logger

FRESH_SECONDS, STALE_SECONDS = 300.0, 86_400.0
COOLDOWN_SECONDS = 30.0  # between fetches, failed ones too
COLD_COOLDOWN_SECONDS = 5.0  # while there is no key at all, and so nobody can be served
FETCH_SECONDS = 2.0
MAX_DOCUMENT, MAX_KEYS, MAX_UNKNOWN = 65_536, 50, 1000

log = get_logger(__name__)


class KeySourceUnreachable(RetryLater):
    """The key that could verify this token cannot be fetched now; try again."""

    code = "key_source_unreachable"


class KeyCache:
    """Keys by `kid`. `get` returns None for a kid that the issuer does not publish."""

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_document
        self._clock = clock
        self._state = threading.Condition()
        self._keys: dict[str, Any] = {}  # jwt.PyJWK, imported on first use
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None
        self._failed = False
        self._fetching = False
        self._unknown: OrderedDict[str, None] = OrderedDict()  # since the last successful fetch

    def get(self, kid: str) -> Any:
        """The key, maybe stale; None if there is no such key; raises KeySourceUnreachable if unknowable."""
        with self._state:
            key, age = self._keys.get(kid), self._age()
            if key is not None and age <= STALE_SECONDS:
                if age > FRESH_SECONDS and self._may_fetch():
                    self._begin()
                    threading.Thread(target=self._refresh, name="jwks", daemon=True).start()
                return key
            if kid in self._unknown and age <= FRESH_SECONDS:  # later it may have been published
                return None
            ours = self._may_fetch()
            if ours:
                self._begin()
            elif self._fetching:  # single flight: wait for the other's answer
                self._state.wait_for(lambda: not self._fetching, timeout=2 * FETCH_SECONDS)
        if ours:
            self._refresh()
        return self._settled(kid)

    def _settled(self, kid: str) -> Any:
        """After a fetch, or when none is allowed now."""
        with self._state:
            if kid in self._keys and self._age() <= STALE_SECONDS:
                return self._keys[kid]
            if self._failed or self._fetched_at is None or self._age() > STALE_SECONDS:
                raise KeySourceUnreachable(delay=self._cooldown())
            self._unknown[kid] = None
            while len(self._unknown) > MAX_UNKNOWN:
                self._unknown.popitem(last=False)
            return None

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    def _cooldown(self) -> float:
        return COOLDOWN_SECONDS if self._keys else COLD_COOLDOWN_SECONDS

    def _may_fetch(self) -> bool:
        waited = float("inf") if self._attempted_at is None else self._clock() - self._attempted_at
        return not self._fetching and waited >= self._cooldown()

    def _begin(self) -> None:
        self._fetching, self._attempted_at = True, self._clock()

    def _refresh(self) -> None:
        """Only between `_begin` and its own end; never raises."""
        keys: dict[str, Any] | None = None
        try:
            keys = parse_keys(self._fetch(self._url))
        except Exception as error:  # noqa: BLE001  # a hostile or broken endpoint may cause any
            with self._state:
                if not self._failed:
                    log.failure("keys cannot be fetched", error, known=len(self._keys))
        with self._state:
            self._failed = keys is None
            if keys is not None:
                self._keys, self._fetched_at = keys, self._clock()
                self._unknown.clear()
            self._fetching = False
            self._state.notify_all()


def parse_keys(document: bytes) -> dict[str, Any]:
    """The Ed25519 signing keys of a JWKS by `kid`; raises ValueError if there is none."""
    from jwt import PyJWK  # with cryptography 70 ms: not before the first token

    try:
        parsed = strict_json.loads(document, max_bytes=MAX_DOCUMENT)
    except AppError as error:
        raise ValueError(f"the key document is not JSON: {error.code}") from error
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    keys: dict[str, Any] = {}
    for entry in (entries if isinstance(entries, list) else [])[:MAX_KEYS]:
        if _usable(entry):
            # Without its `alg`: PyJWT does not know RFC 9864's name Ed25519 for the same thing.
            keys[entry["kid"]] = PyJWK({k: v for k, v in entry.items() if k != "alg"}, algorithm="EdDSA")
    if not keys:
        raise ValueError("the key document holds no Ed25519 key")
    return keys


def _usable(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and (entry.get("kty"), entry.get("crv")) == ("OKP", "Ed25519")
        and entry.get("alg", "EdDSA") in ("EdDSA", "Ed25519")
        and entry.get("use", "sig") == "sig"
        and isinstance(entry.get("kid"), str)
        and "d" not in entry  # a private key published by mistake is burnt
    )


def fetch_document(url: str) -> bytes:
    """GET without redirects, proxies or cookies, at most MAX_DOCUMENT bytes in about FETCH_SECONDS."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=FETCH_SECONDS)
    end = clocks.monotonic() + FETCH_SECONDS
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "application/json"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise ValueError(f"the key source answered {response.status}")
        body = b""
        while chunk := response.read1(16_384):
            body += chunk
            if len(body) > MAX_DOCUMENT or clocks.monotonic() > end:
                raise ValueError("the key document is too large or too slow")
        return body
    finally:
        connection.close()
