"""`scripts/migrate`: up, down and status of the migrations. Docs: docs/upgrade.md."""

import argparse
import sys
from collections.abc import Sequence

import psycopg

from scripts.database.access import VARIABLES, Refused, ensure_database, explained, owner_dsn
from shared.db import migrate
from shared.db.migrate import BASE, Loss, State, UnknownRevision

PENDING = 3  # exit code of `status`: the database wants `up`


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/migrate",
        epilog=VARIABLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Migrations of the database. Exit code: 0 done, 1 refused, 3 `status` found some to do.",
    )
    commands = parser.add_subparsers(dest="command")
    up = commands.add_parser("up", help="to the newest migration; the default")
    up.add_argument("--to", metavar="REV", help="only up to this one")
    down = commands.add_parser("down", help="back to an older one")
    down.add_argument("--to", metavar="REV", required=True, help=f"a number, or {BASE}: before the first")
    down.add_argument("--drop-data", action="store_true", help="although it drops tables or columns")
    commands.add_parser("status", help="where the database stands")
    return parser.parse_args(arguments or ["up"])


def main(arguments: Sequence[str]) -> int:
    choice = options(arguments)
    try:
        return _run(choice, owner_dsn())
    except (Refused, UnknownRevision) as error:
        print(f"scripts/migrate: {error}", file=sys.stderr)
    except psycopg.Error as error:
        print(f"scripts/migrate: {explained(error)}", file=sys.stderr)
    return 1


def _run(choice: argparse.Namespace, dsn: str) -> int:
    if choice.command == "up":
        ensure_database(dsn)
    found = migrate.state(dsn)
    if choice.command == "status":
        print(described(found))
        return PENDING if found.pending else 0
    if found.ahead:
        if choice.command == "down":
            raise Refused(f"{described(found)}: go down with the version of the code that made it")
        print(described(found))
        return 0
    if choice.command == "up":
        _up(dsn, found, choice.to)
    else:
        _down(dsn, found, choice.to, drop=choice.drop_data)
    return 0


def described(found: State) -> str:
    """The state in a few lines."""
    at = f"the database is at {found.current or BASE}, the newest migration is {found.newest}"
    if found.ahead:
        return f"{at}: it is newer than this version of the code, which runs on it"
    return "\n".join([at, *(f"  pending  {one.number}  {one.title}" for one in found.pending)])


def _up(dsn: str, found: State, to: str | None) -> None:
    if to is not None:
        migrate.known(dsn, to)
        if to not in {one.number for one in found.pending} | {found.current}:
            raise Refused(f"the database is at {found.current or BASE}, past {to}: use `down --to {to}`")
    migrate.upgrade(dsn, to or "head")  # also without a pending one: the access rules may differ


def _down(dsn: str, found: State, to: str, *, drop: bool) -> None:
    migrate.known(dsn, to)
    if to != BASE and (found.current is None or to > found.current):
        raise Refused(f"the database is at {found.current or BASE}, before {to}: use `up --to {to}`")
    lost = migrate.losses(dsn, to)
    if lost and not drop:
        listed = "\n".join(f"  {lost_line(one)}" for one in lost)
        raise Refused(f"going down to {to} drops data:\n{listed}\ntake a dump, then add --drop-data")
    migrate.downgrade(dsn, to)
    print("\n".join(f"dropped  {lost_line(one)}" for one in lost) or f"at {to}, nothing was dropped")


def lost_line(one: Loss) -> str:
    """`column webhooks.paused_until (3 rows have a value)`."""
    if one.column is None:
        return f"table {one.table} ({'unknown' if one.rows is None else one.rows} rows)"
    rows = "unknown how many rows have" if one.rows is None else f"{one.rows} rows have"
    return f"column {one.table}.{one.column} ({rows} a value)"
