"""The Secrets of a local cluster: made once, kept in the cluster, never written to a file of the project.

`missing` decides what to create from what is there; deploy.py applies it. A Secret that exists is never
changed: its passwords are those of the database.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scripts.local.issuer import Issuer
from shared.db.roles import ROLES

DATABASE, ADMIN, WEBHOOKS, AUTH = (
    "taskflow-database",
    "taskflow-database-admin",
    "taskflow-webhooks",
    "taskflow-auth",
)
DATABASE_NAME = "taskflow"
Data = Mapping[str, str]


class HalfMade(Exception):
    """Secrets that belong together are not all there; the message names the fix."""


def missing(existing: AbstractSet[str], *, host: str) -> dict[str, Data]:
    """Secrets to create, by name. `host` is the database's, as pods reach it."""
    found: dict[str, Data] = {}
    pair = {DATABASE, ADMIN}
    if existing & pair and not pair <= existing:
        gone = ", ".join(sorted(pair - existing))
        raise HalfMade(
            f"Secret {gone} is missing but its partner is there: restore it, or remove both with "
            "scripts/teardown-local.sh and deploy again (the local database is lost)"
        )
    if DATABASE not in existing:
        found |= _database(host)
    single: Mapping[str, Callable[[], Data]] = {WEBHOOKS: _webhooks, AUTH: _auth}
    found |= {name: make() for name, make in single.items() if name not in existing}
    return found


def _database(host: str) -> dict[str, Data]:
    passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
    admin = secrets.token_urlsafe(24)
    return {
        DATABASE: {role: dsn(role, password, host) for role, password in passwords.items()},
        ADMIN: {
            "password": admin,
            "dsn": dsn("postgres", admin, host, database="postgres"),
            "roles.json": json.dumps(passwords),
        },
    }


def dsn(role: str, password: str, host: str, *, database: str = DATABASE_NAME) -> str:
    """A DSN over the cluster's own network."""
    return f"postgresql://{role}:{quote(password, safe='')}@{host}:5432/{database}"


def _webhooks() -> Data:
    return {"encryption-key": base64.b64encode(secrets.token_bytes(32)).decode()}


def _auth() -> Data:
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {"issuer-key": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}


def issuer_of(key: str) -> Issuer:
    """The local issuer whose key the Secret taskflow-auth holds."""
    raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    return Issuer(Ed25519PrivateKey.from_private_bytes(raw))
