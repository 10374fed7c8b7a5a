"""`python -m scripts.cluster.query SQL` in the database's pod: the rows as JSON, past row-level security.

Only e2e-cluster asks, to compare what was acknowledged with what is stored.
"""

import json
import sys
from pathlib import Path

import psycopg

from scripts.cluster.secrets import DATABASE_NAME


def main(arguments: list[str]) -> int:
    """One statement."""
    dsn = Path("/run/admin/dsn").read_text()
    with psycopg.connect(dsn, dbname=DATABASE_NAME, host="127.0.0.1", connect_timeout=10) as connection:
        cursor = connection.execute(arguments[0].encode())
        rows = cursor.fetchall() if cursor.description else []
    print(json.dumps(rows, default=str))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
