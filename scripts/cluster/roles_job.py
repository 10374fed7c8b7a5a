"""Makes roles, database and schema: `python -m scripts.cluster.roles_job`, a Job of the local cluster.

Reads the mounted Secrets; waits for the database, which starts at the same time.
"""

import json
import sys
import time
from pathlib import Path

import psycopg

from scripts.cluster.secrets import DATABASE_NAME
from shared.db import migrate, roles

_ADMIN, _DATABASE = Path("/run/admin"), Path("/run/database")
_PATIENCE = 120.0


def main() -> int:
    """0 when the schema is the newest."""
    with _connected((_ADMIN / "dsn").read_text(), time.monotonic() + _PATIENCE) as admin:
        roles.ensure_roles(admin, json.loads((_ADMIN / "roles.json").read_text()))
        roles.ensure_database(admin, DATABASE_NAME)
    migrate.upgrade((_DATABASE / "owner").read_text())
    print("roles: the schema is the newest")
    return 0


def _connected(dsn: str, deadline: float) -> "psycopg.Connection[tuple[object, ...]]":
    while True:
        try:
            return psycopg.connect(dsn, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise
            print(f"roles: waiting for the database: {error}", file=sys.stderr)
            time.sleep(1)


if __name__ == "__main__":
    raise SystemExit(main())
