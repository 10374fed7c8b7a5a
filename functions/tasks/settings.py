"""The settings of `tasks`, read from its environment at the start."""

from dataclasses import dataclass

from shared.runtime import parsers
from shared.runtime.sealing import parse_keys
from shared.runtime.settings import secret, setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is an environment variable of the same name in upper case."""

    database_url: str = secret(parse=parsers.dsn, help="DSN of the role `api`")
    kafka_bootstrap_servers: str = setting(parse=parsers.bootstrap_servers, help="host:port[,host:port]")
    auth_issuer: str = setting(help="the `iss` of accepted tokens")
    auth_audience: str = setting(help="the `aud` of accepted tokens")
    auth_jwks_url: str = setting(parse=parsers.url, help="where the issuer publishes its keys")
    cors_allowed_origins: tuple[str, ...] = setting(
        default=(), parse=parsers.origins, help="origins, comma-separated"
    )
    webhook_secret_key: str = secret(
        parse=parse_keys, help="base64 of 32 bytes: seals the secrets of webhooks"
    )
    webhook_allow_loopback: bool = setting(default=False, help="true only on a developer's machine")
