"""The issuer's public keys: fetched from its JWKS and kept while it cannot be reached. Used by `auth`.

They are fetched again in the background after 5 minutes, used for up to a day, and fetched at most twice a
minute whatever tokens arrive. PyJWT's own client refuses valid tokens when the endpoint is down for 5
minutes.

A key id is unknown only when a fetch that began after its token arrived did not contain it. Until such a
fetch may begin the answer is "try again", because a key that was just added is valid. Tokens with random
key ids do not disturb others: known keys need no fetch, and one fetch brings all keys.
"""

import http.client
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from shared.domain.errors import AppError, RetryLater
from shared.messaging import strict_json
from shared.runtime import clock as clocks
from shared.runtime.logging import get_logger

FRESH_SECONDS, STALE_SECONDS = 300.0, 86_400.0
COOLDOWN_SECONDS = 30.0  # between fetches, failed ones too
UNKNOWN_SECONDS = 60.0  # how long a key id that was not found is refused; it may be published later
COLD_COOLDOWN_SECONDS = 5.0  # while there is no key at all, so that no token can be verified
FETCH_SECONDS = 2.0  # for one step: connecting, one answer
WAIT_SECONDS = 2.5  # a request waits no longer: name resolution and slow answers can take more
MAX_DOCUMENT, MAX_KEYS, MAX_UNKNOWN = 65_536, 50, 1000
# Requests that wait for one fetch while there are other keys: a slow issuer must not take all threads.
MAX_WAITING = 4

log = get_logger(__name__)


class KeySourceUnreachable(RetryLater):
    """The key that could verify this token cannot be fetched now; try again."""

    code = "key_source_unreachable"


class KeyCache:
    """Keys by `kid`: `known` does not wait for a fetch, `look_up` may. Thread-safe."""

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
        self._attempt = 0
        self._waiting = 0
        self._unknown: OrderedDict[str, float] = OrderedDict()  # when a fetch did not bring it

    def known(self, kid: str) -> Any:
        """The key if it was fetched within a day, else None. A fetch that is due starts in the background."""
        with self._state:
            key, age = self._keys.get(kid), self._age()
            if key is None or age > STALE_SECONDS:
                return None
            if age > FRESH_SECONDS and self._may_fetch():
                self._begin()
            return key

    def fetch_ahead(self) -> None:
        """Fetch before anybody asks. What comes of it keeps no token from a fetch of its own."""
        with self._state:
            if not self._keys and self._may_fetch():
                self._begin(ahead=True)

    def look_up(self, kid: str) -> Any:
        """The key that the issuer publishes; None if there is no such key.

        Raises KeySourceUnreachable when that cannot be known now: the issuer does not answer, or the last
        fetch was less than the cool-down ago.
        """
        with self._state:
            found_at = self._unknown.get(kid)
            if found_at is not None and self._clock() - found_at <= UNKNOWN_SECONDS:
                return None
            ours = self._may_fetch()
            if ours:
                self._begin()
                self._state.wait_for(lambda: not self._fetching, timeout=WAIT_SECONDS)
            elif self._fetching and (not self._keys or self._waiting < MAX_WAITING):
                self._wait()
        return self._settled(kid, looked_up=ours)

    def _wait(self) -> None:
        """Wait for the fetch of another request: there is only one at a time."""
        self._waiting += 1
        try:
            self._state.wait_for(lambda: not self._fetching, timeout=WAIT_SECONDS)
        finally:
            self._waiting -= 1

    def _settled(self, kid: str, *, looked_up: bool) -> Any:
        """The answer after a fetch, or when none is allowed now."""
        with self._state:
            if kid in self._keys and self._age() <= STALE_SECONDS:
                return self._keys[kid]
            if self._fetching or self._failed or not looked_up:
                raise KeySourceUnreachable(delay=self._until_next())
            self._not_found([kid])
            return None

    def _not_found(self, kids: Iterable[str]) -> None:
        for kid in kids:
            self._unknown[kid] = self._clock()
            self._unknown.move_to_end(kid)
        while len(self._unknown) > MAX_UNKNOWN:
            self._unknown.popitem(last=False)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    def _cooldown(self) -> float:
        return COOLDOWN_SECONDS if self._keys else COLD_COOLDOWN_SECONDS

    def _until_next(self) -> float:
        """Seconds until a fetch may begin, if nobody else begins it."""
        if self._attempted_at is None:
            return 0.0
        return max(0.0, self._attempted_at + self._cooldown() - self._clock())

    def _may_fetch(self) -> bool:
        """Whether the cool-down is over. A fetch that still runs then hangs, and does not stop the next
        one.
        """
        return self._until_next() <= 0

    def _begin(self, *, ahead: bool = False) -> None:
        """Fetch in a separate thread, so that requests can stop waiting for it."""
        self._fetching, self._attempted_at = True, self._clock()
        self._attempt += 1
        threading.Thread(target=self._refresh, args=(self._attempt, ahead), name="jwks", daemon=True).start()

    def _refresh(self, attempt: int, ahead: bool) -> None:  # noqa: FBT001  # of a thread
        """Never raises."""
        keys: dict[str, Any] | None = None
        try:
            keys = parse_keys(self._fetch(self._url))
        except Exception as error:  # noqa: BLE001  # a hostile or broken endpoint may cause any
            with self._state:
                if not self._failed:
                    log.failure("keys cannot be fetched", error, known=len(self._keys))
        with self._state:
            if attempt != self._attempt:
                return  # another one has begun since, and what it finds is newer
            self._failed = keys is None
            if keys is not None:
                self._not_found(self._keys.keys() - keys)  # withdrawn: no need to ask for them again
                self._keys, self._fetched_at = keys, self._clock()
            if ahead:
                self._attempted_at = None
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
        and "d" not in entry  # a private key: published by mistake, so everybody has it
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
