"""What `relay` needs from its environment."""

from dataclasses import dataclass

from shared.runtime import parsers
from shared.runtime.settings import secret, setting


@dataclass(frozen=True)
class Settings:
    """One field a variable, in upper case."""

    database_url: str = secret(parse=parsers.dsn, help="DSN of the role `relay`")
    kafka_bootstrap_servers: str = setting(parse=parsers.bootstrap_servers, help="host:port[,host:port]")
