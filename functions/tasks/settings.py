"""What `tasks` needs from its environment."""

from dataclasses import dataclass

from shared.runtime.settings import secret, setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field a variable, in upper case."""

    database_url: str = secret(help="DSN of the role `api`")
    kafka_bootstrap_servers: str = setting(help="host:port[,host:port]")
    auth_issuer: str = setting(help="the `iss` of accepted tokens")
    auth_audience: str = setting(help="the `aud` of accepted tokens")
    auth_jwks_url: str = setting(help="where the issuer publishes its keys")
    cors_allowed_origins: tuple[str, ...] = setting(default=(), help="origins, comma-separated")
    webhook_secret_key: str = secret(help="32 bytes, base64url: seals the secrets of webhooks")
    webhook_allow_loopback: bool = setting(default=False, help="true only on a developer's machine")
