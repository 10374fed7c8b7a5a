"""`scripts/contracts [verify]`: write the published contracts, or say how the stored ones differ."""

import sys
from collections.abc import Sequence

from scripts.contract import files


def main(arguments: Sequence[str]) -> int:
    """Exit code: 1 when `verify` finds a difference, 2 for a wrong call."""
    try:
        return _run(list(arguments))
    except LookupError as error:  # a route or a field that nobody has described: the message names the place
        print(error.args[0], file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    if arguments == ["verify"]:
        found = list(files.differences())
        for text in found:
            print(text, end="")
        print(f"{len(found)} files differ; run {files.FIX}" if found else "contracts are up to date")
        return 1 if found else 0
    if arguments:
        print("usage: scripts/contracts [verify]", file=sys.stderr)
        return 2
    for path in files.write():
        print(f"wrote {path}")
    return 0
