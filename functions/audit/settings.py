"""What `audit` needs from its environment."""

from dataclasses import dataclass

from shared.runtime.settings import secret


@dataclass(frozen=True)
class Settings:
    """One field a variable, in upper case."""

    database_url: str = secret(help="DSN of the role `consumer`")
