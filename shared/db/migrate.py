"""Runs the migrations as role `owner`, for the deployment's migration job, the local platform and tests.

After the last revision the access rules of `grants.py` are applied again whenever they differ.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config

_LOCATION = Path(__file__).with_name("migrations")


def upgrade(dsn: str, revision: str = "head") -> None:
    """Bring the database up to `revision`, in one transaction; concurrent calls wait for one another."""
    command.upgrade(config(dsn), revision)


def downgrade(dsn: str, revision: str) -> None:
    """Go back to `revision` ("base" drops everything)."""
    command.downgrade(config(dsn), revision)


def config(dsn: str) -> Config:
    """Alembic's configuration without a file, so that the working directory does not matter."""
    found = Config()
    found.set_main_option("script_location", str(_LOCATION).replace("%", "%%"))
    found.set_main_option("path_separator", "os")
    found.attributes["dsn"] = dsn
    return found
