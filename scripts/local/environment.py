"""The environment of a function's process: that of the manifest, with secrets resolved and local
overrides.
"""

from collections.abc import Mapping

from scripts.local.issuer import AUDIENCE, ISSUER
from scripts.local.model import SecretRef, Service
from scripts.local.state import State


def overrides(*, kafka: str, inner: str, gateway: str) -> dict[str, str]:
    """What differs from the manifests on one machine; applied only to variables that a manifest names.

    `kafka` is HOST:PORT of a real broker or the URL of the embedded log; `inner` and `gateway` are URLs.
    """
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "AUTH_ISSUER": ISSUER,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS_URL": f"{inner}/api/auth/jwks",
        "WEBHOOK_ALLOW_LOOPBACK": "true",
        "CORS_ALLOWED_ORIGINS": f"{gateway},http://localhost:3000,http://localhost:5173",
    }


def environment(service: Service, state: State, *, local: Mapping[str, str]) -> dict[str, str]:
    """Every variable of the manifest, and the three that Knative adds."""
    env = {
        name: state.secret(value) if isinstance(value, SecretRef) else local.get(name, value)
        for name, value in service.env
    }
    return {
        **env,
        "DRAIN_SECONDS": "0",  # the gateway sends nothing to a process any more before it gets its signal
        "K_SERVICE": service.name,
        "K_CONFIGURATION": service.name,
        "K_REVISION": f"{service.name}-local",
    }
