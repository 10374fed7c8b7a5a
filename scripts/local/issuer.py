"""The local token issuer: an Ed25519 key in the state directory, its JWKS, and tokens signed with it.

The functions verify these tokens with the same code as those of Better Auth in production: the algorithm
(EdDSA) and the document are the same.
"""

import base64
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

# Not an address of a listener: tokens stay valid when the ports change.
ISSUER = "http://auth.todo-app.localhost"
AUDIENCE = "http://auth.todo-app.localhost"
DAY = 86400


class Issuer:
    """One key pair; `key id` = SHA-256 thumbprint of the public key (RFC 7638)."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        members = {"crv": "Ed25519", "kty": "OKP", "x": _b64(public)}
        thumbprint = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        self._id = _b64(hashlib.sha256(thumbprint).digest())
        self.jwks: Mapping[str, object] = {
            "keys": [{**members, "alg": "EdDSA", "use": "sig", "kid": self._id}]
        }

    def token(self, user: str, *, expires: int = DAY, now: float | None = None) -> str:
        """A JWT for `user` (claim `sub`), valid for `expires` seconds; negative = already expired."""
        issued = int(time.time() if now is None else now)
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": issued, "exp": issued + expires}
        head = {"alg": "EdDSA", "typ": "JWT", "kid": self._id}
        signed = ".".join(_b64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        return f"{signed}.{_b64(self._key.sign(signed.encode()))}"


def issuer(directory: Path) -> Issuer:
    """The issuer of a state directory; the key is made at first use, readable by its owner only."""
    path = directory / "secrets" / "taskflow-auth" / "issuer-key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(_b64(raw))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # two first calls at once: one key is stored, both read that one
        draft.unlink()
    return Issuer(Ed25519PrivateKey.from_private_bytes(_unb64(path.read_text())))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
