"""The settings of `notifications`, read from its environment at the start."""

from dataclasses import dataclass

from shared.runtime import parsers
from shared.runtime.sealing import parse_keys
from shared.runtime.settings import secret, setting


@dataclass(frozen=True)
class Settings:
    """Each field is an environment variable of the same name in upper case."""

    database_url: str = secret(parse=parsers.dsn, help="DSN of the role `consumer`")
    kafka_bootstrap_servers: str = setting(parse=parsers.bootstrap_servers, help="host:port[,host:port]")
    webhook_secret_key: str = secret(parse=parse_keys, help="base64 of 32 bytes: opens the webhooks' secrets")
    webhook_allow_loopback: bool = setting(default=False, help="true only on a developer's machine")
