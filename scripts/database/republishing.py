"""`scripts/republish`: makes published events pending again, for a log that was lost. `relay` publishes them.

Consumers that had an event drop it by their inbox. Docs: docs/runbooks/disaster.md.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.db.pool import Database
from shared.db.store import outbox
from shared.db.uow import UnitOfWork
from shared.domain.errors import AppError

_LONGEST = timedelta(days=7)  # the outbox keeps published rows for so long, the inbox its rows longer


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 and the number of events, or 1 and one line."""
    parser = argparse.ArgumentParser(
        prog="scripts/republish",
        description=f"{__doc__.partition(chr(10))[0]} DATABASE_URL is the DSN of role relay.",
    )
    parser.add_argument("--hours", type=float, required=True, help="how far back, at most 168")
    period = timedelta(hours=parser.parse_args(arguments).hours)
    dsn = os.environ.get("DATABASE_URL")
    if not dsn or not timedelta(0) < period <= _LONGEST:
        problem = "--hours is more than 0 and at most 168" if dsn else "DATABASE_URL is not set: role relay's"
        print(f"scripts/republish: {problem}", file=sys.stderr)
        return 1
    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # its pool would explain itself as well
    try:
        print(
            f"{republish(dsn, period, now=datetime.now(UTC))} events are pending again; relay publishes them"
        )
    except AppError as error:
        print(f"scripts/republish: {error} (DATABASE_URL is the DSN of role relay)", file=sys.stderr)
        return 1
    return 0


def republish(dsn: str, period: timedelta, *, now: datetime) -> int:
    """Make the events pending, page by page; rows that `relay` publishes meanwhile are later than `now`."""
    database, total = Database(dsn, max_size=1), 0
    try:
        uow = UnitOfWork(database, source="/taskflow/relay")
        while True:
            with uow.sweep() as tx:
                found = outbox.publish_period_again(tx, now - period, now)
            if not found:
                return total
            total += found
    finally:
        database.close()
