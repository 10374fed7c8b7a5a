"""`scripts/backup`: dump with retention, check, restore. Run by the scheduled job and by people.

Docs: docs/runbooks/disaster.md. A dump holds personal data and no key: WEBHOOK_SECRET_KEY is kept elsewhere.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from scripts.database.access import VARIABLES, Refused, ensure_database, explained, owner_dsn
from scripts.database.upload import UPLOAD_URL, UploadFailed, upload
from shared.db import dumps, restoring
from shared.db.dumps import DumpFailed, Manifest
from shared.db.migrate import UnknownRevision

_NAME = re.compile(r"taskflow-\d{8}T\d{6}Z\.dump")
_KEEP = 14
_UPLOAD = f"""
{UPLOAD_URL}     optional: where a new dump is sent as well, by PUT; {{name}} in it becomes the file's name
"""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/backup",
        description="Dumps of the database. Prints one line of JSON; exit code 0 done, 1 refused or failed.",
        epilog=VARIABLES + _UPLOAD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    dump = commands.add_parser("dump", help="a new dump; then the oldest ones beyond --keep are deleted")
    dump.add_argument("--to", metavar="DIR", type=Path, required=True)
    dump.add_argument("--keep", metavar="N", type=int, default=_KEEP, help=f"default {_KEEP}; 0: all")
    check = commands.add_parser("check", help="read every byte of a dump")
    check.add_argument("file", type=Path)
    restore = commands.add_parser("restore", help="a dump into a database without rows")
    restore.add_argument("file", type=Path)
    restore.add_argument(
        "--republish-hours",
        type=float,
        default=restoring.REPUBLISH.total_seconds() / 3600,
        help="events published within that time before the dump are published again (default %(default)s)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    choice = options(arguments)
    began = time.monotonic()
    try:
        done = _run(choice)
    except (DumpFailed, Refused, UnknownRevision, UploadFailed, OSError) as error:
        print(f"scripts/backup: {error}", file=sys.stderr)
        return 1
    except psycopg.Error as error:
        print(f"scripts/backup: {explained(error)}", file=sys.stderr)
        return 1
    print(json.dumps(done | {"seconds": round(time.monotonic() - began, 2)}))
    return 0


def _run(choice: argparse.Namespace) -> dict[str, object]:
    if choice.command == "dump":
        return _dump(choice.to, choice.keep)
    if choice.command == "check":
        return described(choice.file, dumps.read(choice.file))
    dsn = owner_dsn()
    dumps.read(choice.file)  # before roles and database are made for a file that is no dump
    ensure_database(dsn)
    republish = timedelta(hours=choice.republish_hours)
    return described(choice.file, restoring.restore(dsn, choice.file, republish=republish))


def _dump(directory: Path, keep: int) -> dict[str, object]:
    if not directory.is_dir():
        raise Refused(f"{directory} is no directory: make it, or mount the volume there")
    if keep < 0:
        raise Refused("--keep is the number of dumps to keep, 0 for all")
    at = datetime.now(UTC)
    target = directory / f"taskflow-{at:%Y%m%dT%H%M%SZ}.dump"
    manifest = dumps.write(owner_dsn(), target, at=at)
    sent = upload(target, os.environ.get(UPLOAD_URL))
    deleted = expired(directory, keep)
    for old in deleted:
        old.unlink()
    return described(target, manifest) | {"uploaded": sent, "deleted": [path.name for path in deleted]}


def expired(directory: Path, keep: int) -> list[Path]:
    """The dumps in `directory` except the newest `keep`; never another file."""
    found = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    return found[:-keep] if keep else []


def described(path: Path, manifest: Manifest) -> dict[str, object]:
    return {
        "dump": str(path),
        "bytes": path.stat().st_size,
        "taken_at": manifest.taken_at,
        "revision": manifest.revision,
        "rows": dict(manifest.rows),
    }
