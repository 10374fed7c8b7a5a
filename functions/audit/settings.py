"""The settings of `audit`, read from its environment at the start."""

from dataclasses import dataclass

from shared.runtime import parsers
from shared.runtime.settings import secret


@dataclass(frozen=True)
class Settings:
    """Each field is an environment variable of the same name in upper case."""

    database_url: str = secret(parse=parsers.dsn, help="DSN of the role `consumer`")
