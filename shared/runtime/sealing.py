"""Encrypts the few secrets that we must read again (webhook signing secrets) with AES-256-GCM.
Called by `tasks` and `notifications`.

A sealed value contains the id of its key, so that keys can be replaced: the first key seals, all keys open.
"""

import base64
import binascii
import hashlib
import secrets

_VERSION = b"\x01"
_KEY_BYTES, _ID_BYTES, _NONCE_BYTES = 32, 4, 12
_HEAD = len(_VERSION) + _ID_BYTES


class Unsealable(Exception):  # said of the value
    """The sealed value was changed, belongs elsewhere, or was made with a key that is gone."""


class Sealer:
    """Seals with the first of `keys`: comma-separated base64 of 32 bytes each (`openssl rand -base64 32`).

    >>> sealer = Sealer(Sealer.new_key())
    >>> sealed = sealer.encrypt("whsec_…", context="webhook/anna/1")
    >>> sealer.decrypt(sealed, context="webhook/anna/1")
    'whsec_…'
    >>> sealer.decrypt(sealed, context="webhook/ben/1")
    Traceback (most recent call last):
    shared.runtime.sealing.Unsealable: The value was changed or belongs elsewhere.
    """

    def __init__(self, keys: str) -> None:
        parsed = [_key(part.strip()) for part in keys.split(",") if part.strip()]
        if not parsed:
            raise ValueError("no encryption key given")
        self._keys = {_id(key): key for key in parsed}
        self._first = parsed[0]

    @staticmethod
    def new_key() -> str:
        """A random key in the form that the constructor takes."""
        return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()

    def encrypt(self, text: str, *, context: str = "") -> bytes:
        """`text` sealed for one place: `context` (say, user and row id) must be the same to open it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 30 ms: only where secrets are used

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._first).encrypt(nonce, text.encode(), context.encode())
        return _VERSION + _id(self._first) + nonce + sealed

    def decrypt(self, sealed: bytes, *, context: str = "") -> str:
        """The text; raises Unsealable."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._keys.get(sealed[len(_VERSION) : _HEAD])
        if key is None or not sealed.startswith(_VERSION):
            raise Unsealable("The value was sealed with an unknown key.")
        nonce, rest = sealed[_HEAD : _HEAD + _NONCE_BYTES], sealed[_HEAD + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, rest, context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unsealable("The value was changed or belongs elsewhere.") from error


def parse_keys(raw: str) -> str:
    """Parser for a settings field: refuses a bad key at start, without showing it."""
    Sealer(raw)
    return raw


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        )
    except binascii.Error:
        raise ValueError("must be base64 of 32 bytes") from None
    if len(key) != _KEY_BYTES:
        raise ValueError("must be base64 of 32 bytes")
    return key


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"taskflow key id" + key).digest()[:_ID_BYTES]
