"""How the database commands reach the database: DSNs from the environment, roles and database made on demand.

DATABASE_URL          of role owner, at the server itself (not at a transaction pooler)
ADMIN_DATABASE_URL    optional, of a role with CREATEROLE, CREATEDB: makes roles and database first,
ROLE_PASSWORDS_FILE   with the passwords in this JSON file: {"owner": …, "api": …, "consumer": …, …}
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shared.db import roles

VARIABLES = (__doc__ or "").partition("\n\n")[2]


class Refused(RuntimeError):
    """The command does nothing; the message names what is wrong and the fix."""


def owner_dsn(environment: Mapping[str, str] = os.environ) -> str:
    """DATABASE_URL; Refused without it."""
    dsn = environment.get("DATABASE_URL")
    if not dsn:
        raise Refused("DATABASE_URL is not set: the DSN of role owner")
    return dsn


def ensure_database(dsn: str, environment: Mapping[str, str] = os.environ) -> None:
    """Make roles and database when an administrator's DSN is given; Refused when only half of it is."""
    admin, passwords = environment.get("ADMIN_DATABASE_URL"), environment.get("ROLE_PASSWORDS_FILE")
    if bool(admin) != bool(passwords):
        raise Refused("ADMIN_DATABASE_URL and ROLE_PASSWORDS_FILE are given together or not at all")
    if not admin or not passwords:
        return
    given = _passwords(Path(passwords))
    with psycopg.connect(admin, autocommit=True) as connection:
        roles.ensure_roles(connection, given)
        roles.ensure_database(connection, str(conninfo_to_dict(dsn).get("dbname", "taskflow")))


def _passwords(path: Path) -> dict[str, str]:
    try:
        given: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Refused(f"ROLE_PASSWORDS_FILE {path}: {error}") from error
    if missing := [role for role in roles.ROLES if not given.get(role)]:
        raise Refused(f"ROLE_PASSWORDS_FILE {path} has no password for {', '.join(missing)}")
    return given


def explained(error: psycopg.Error) -> str:
    """One line for a database that cannot be reached or refuses."""
    text = " ".join(str(error).split())
    return f"{text} (DATABASE_URL must be that of role owner, and the server reachable from here)"
