"""`scripts/manifests [--check]`: refreshes what the chart takes from elsewhere, or says how it differs."""

import argparse
from collections.abc import Sequence

from scripts.bootstrap import PROJECT
from scripts.chart import copies, readme

FIX = "run scripts/manifests"


def main(arguments: Sequence[str]) -> int:
    """1 when --check finds a difference."""
    parser = argparse.ArgumentParser(
        prog="scripts/manifests",
        description="Copies knative/ and eventing/ into the chart and writes the table of its values.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if something is out of date"
    )
    if parser.parse_args(arguments).check:
        return _check()
    changed = copies.refresh(PROJECT) + readme.refresh(PROJECT)
    print("\n".join(changed) if changed else "up to date")
    return 0


def _check() -> int:
    found = copies.differences(copies.present(PROJECT), copies.wanted(PROJECT)) + readme.differences(PROJECT)
    print("\n".join([*found, FIX]) if found else "up to date")
    return int(bool(found))
