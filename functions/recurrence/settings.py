"""The settings of `recurrence`, read from its environment at the start."""

from dataclasses import dataclass

from shared.runtime import parsers
from shared.runtime.settings import secret, setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is an environment variable of the same name in upper case."""

    database_url: str = secret(parse=parsers.dsn, help="DSN of the role `consumer`")
    kafka_bootstrap_servers: str = setting(parse=parsers.bootstrap_servers, help="host:port[,host:port]")
