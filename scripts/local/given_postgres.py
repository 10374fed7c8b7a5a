"""A PostgreSQL that somebody else runs (`scripts/run --database`), made ready for the platform.

Called by `run`: roles with passwords of this state directory, the database, the migrations.
"""

import json
import secrets
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from scripts.local.postgres import DATABASE, ROLES, provision, write_private
from scripts.local.state import CannotStart


def connect(administrator: str, directory: Path) -> dict[str, str]:
    """The DSN of every role; raises CannotStart. Passwords of the roles that exist already are set anew."""
    file = directory / "database-passwords.json"
    if not file.exists():
        write_private(file, json.dumps({role: secrets.token_urlsafe(24) for role in ROLES}))
    passwords = json.loads(file.read_text())
    try:
        dsns = {
            role: make_conninfo(administrator, user=role, password=passwords[role], dbname=DATABASE)
            for role in ROLES
        }
        provision(administrator, dsns["owner"], passwords)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise CannotStart(f"--database {_where(administrator)}: {reason}") from error
    return dsns


def _where(dsn: str) -> str:
    """Host and port, without the password."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return "(not a connection string)"
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
