"""A token issuer for tests: Ed25519 keys, their JWKS, good tokens and every kind of bad one.

The verifier it is used with is the real one; only the fetch of the JWKS is replaced.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.runtime import clock
from shared.runtime.auth import Verifier

JWKS_URL = "https://auth.example/api/auth/jwks"
ISSUER = "https://auth.example"
AUDIENCE = "https://todo.example"


class TestIssuer:
    """Signs with the newest of its keys; `rotate` adds one, `withdraw` stops publishing one."""

    __test__ = False  # a class of tests only by its name

    def __init__(self) -> None:
        self._keys: dict[str, Ed25519PrivateKey] = {}
        self._published: dict[str, dict[str, str]] = {}
        self.reachable = True
        self.fetches = 0
        self.kid = self.rotate()

    def rotate(self, *, publish: bool = True) -> str:
        """A new signing key; its id."""
        self.kid = f"key-{len(self._keys) + 1}"
        key = self._keys[self.kid] = Ed25519PrivateKey.generate()
        if publish:
            x = _b64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
            self._published[self.kid] = {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "kid": self.kid,
                "x": x,
            }
        return self.kid

    def withdraw(self, kid: str) -> None:
        del self._published[kid]

    @property
    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": list(self._published.values())}

    def public_bytes(self) -> bytes:
        """The current public key, raw: what an attacker knows."""
        return self._keys[self.kid].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def fetch(self, url: str) -> bytes:
        """Stands for the JWKS endpoint; counts, and fails while `reachable` is False."""
        assert url == JWKS_URL
        self.fetches += 1
        if not self.reachable:
            raise ConnectionRefusedError
        return json.dumps(self.jwks).encode()

    def verifier(self, **options: Any) -> Verifier:  # options of Verifier
        return Verifier(JWKS_URL, ISSUER, AUDIENCE, **({"fetch": self.fetch} | options))

    def claims(self, user_id: str, **changed: Any) -> dict[str, Any]:  # a claim is any JSON value
        """The claims of a good token; a change to None removes one."""
        now = int(clock.now().timestamp())
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": user_id, "iat": now, "exp": now + 900} | changed
        return {name: value for name, value in good.items() if value is not None}

    def token(self, user_id: str, *, header: Mapping[str, Any] | None = None, **changed: Any) -> str:
        """A token for `user_id`, signed with the newest key; `changed` claims and `header` make it bad."""
        head = {"alg": "EdDSA", "kid": self.kid} | dict(header or {})
        return self.signed(json.dumps(head), json.dumps(self.claims(user_id, **changed)))

    def signed(self, header: str, claims: str) -> str:
        """The compact serialisation of exactly these texts."""
        message = f"{_b64(header.encode())}.{_b64(claims.encode())}"
        return f"{message}.{_b64(self._keys[self.kid].sign(message.encode()))}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
