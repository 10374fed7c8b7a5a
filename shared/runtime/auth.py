"""Verifies the JWT of the caller (RFC 7519, RFC 8725). The API functions call `Verifier.verify`.

The answer to every refused token is the same; only the log says which check failed.

`aud` may be our name or a list of only our name (RFC 7519 §4.1.3). A list with another name is refused: that
other service gets the token, too, and could use it here (OpenID Connect Core §3.1.3.7, point 3).
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import AppError, Unauthenticated
from shared.messaging import strict_json
from shared.runtime import clock as clocks
from shared.runtime.keys import KeyCache
from shared.runtime.logging import get_logger

ALGORITHM = "EdDSA"
MAX_TOKEN = 8192  # bytes, checked before anything is parsed
MAX_SUBJECT, MAX_KID = 255, 255
_FAR = 253_402_300_799  # the end of the year 9999: an `exp` may be any number
LEEWAY_SECONDS = 30
_REQUIRED = ["exp", "iat", "sub", "iss", "aud"]
# Without a signature to verify PyJWT checks only what is named.
_CHECKED = ("exp", "nbf", "iat", "aud", "iss", "sub")
_KEY_HEADERS = ("jku", "jwk", "x5u", "x5c")  # a token must not bring its own key

log = get_logger(__name__)


@dataclass(frozen=True)
class Identity:
    """The authenticated caller; `scopes` limits what they may do, "*" is everything.

    `expires_at` (seconds since 1970) is the end of the token: streams end then, too.

    >>> Identity("anna", expires_at=1.0) == Identity("anna", expires_at=2.0)
    True
    """

    user_id: str
    scopes: frozenset[str] = frozenset({"*"})
    expires_at: float | None = field(default=None, compare=False)  # the same caller with a newer token


class Verifier:
    """Checks tokens of one issuer for one audience. Thread-safe; fetches nothing before the first token
    unless `prepare` is called.

    `fetch(url) -> bytes` and `clock() -> seconds` (monotonic, for key ages) are replaced in tests.

    >>> from shared.testing.jwt import AUDIENCE, ISSUER, JWKS_URL, TestIssuer
    >>> issuer = TestIssuer()
    >>> verifier = Verifier(JWKS_URL, ISSUER, AUDIENCE, fetch=issuer.fetch)
    >>> verifier.verify(issuer.token("anna")).user_id
    'anna'
    >>> verifier.verify(issuer.token("anna", aud="https://other.example"))
    Traceback (most recent call last):
    shared.domain.errors.Unauthenticated: A valid bearer token is required.
    """

    def __init__(
        self,
        jwks_url: str,
        issuer: str,
        audience: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = KeyCache(jwks_url, fetch=fetch, clock=clock)

    def prepare(self) -> None:
        """What the first token would wait for: the library, and the keys in a thread of their own."""
        import jwt  # noqa: F401  # for `_claims`

        self._keys.fetch_ahead()

    def verify(self, token: str) -> Identity:
        """The identity of `token`; raises Unauthenticated or KeySourceUnreachable (RetryLater)."""
        kid = _kid_of(token)
        key = self._keys.known(kid)
        if key is None:
            self._claims(token, None)  # do not ask the issuer about a token that is bad with any key
            key = self._keys.look_up(kid)
        if key is None:
            raise _refused("unknown_kid")
        claims = self._claims(token, key)
        return Identity(user_id=_subject(claims), expires_at=float(min(int(claims["exp"]), _FAR)))

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        """The checked claims. Without a `key` the signature is not checked: do not trust them then."""
        import jwt  # with cryptography 70 ms: not before the first token

        try:
            claims = jwt.decode(
                token,
                key="" if key is None else key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options=_options(signed=key is not None),
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise _refused(type(error).__name__) from None
        if isinstance(claims["aud"], list) and len(claims["aud"]) != 1:
            raise _refused("audiences")
        return claims


def _kid_of(token: str) -> str:
    """The key id from the unverified header, after every check that needs no key."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise _refused("size_or_charset")
    head, _, rest = token.partition(".")
    if rest.count(".") != 1:
        raise _refused("shape")
    try:
        header = strict_json.loads(base64.b64decode(head + "=" * (-len(head) % 4), "-_", validate=True))
    except (binascii.Error, AppError):
        raise _refused("header") from None
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM:
        raise _refused("algorithm")
    if any(name in header for name in _KEY_HEADERS):
        raise _refused("own_key")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise _refused("kid")
    return kid


def _subject(claims: dict[str, Any]) -> str:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise _refused("subject")
    return subject


def _refused(reason: str) -> Unauthenticated:
    log.info("token refused", reason=reason)
    return Unauthenticated()


def _options(*, signed: bool) -> Any:  # a TypedDict of PyJWT, which is imported late
    return {
        "require": _REQUIRED,
        "verify_signature": signed,
        **{f"verify_{claim}": True for claim in _CHECKED},
    }
