"""The settings of `updates`, read from its environment at the start."""

from dataclasses import dataclass

from shared.runtime import parsers
from shared.runtime.settings import secret, setting


@dataclass(frozen=True)
class Settings:
    """Each field is an environment variable of the same name in upper case."""

    database_url: str = secret(parse=parsers.dsn, help="DSN of the role `api`")
    auth_issuer: str = setting(help="the `iss` of accepted tokens")
    auth_audience: str = setting(help="the `aud` of accepted tokens")
    auth_jwks_url: str = setting(parse=parsers.url, help="where the issuer publishes its keys")
    cors_allowed_origins: tuple[str, ...] = setting(
        default=(), parse=parsers.origins, help="origins, comma-separated"
    )
