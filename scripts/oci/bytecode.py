"""Compiles everything in the image, the standard library too; called by `command` before it packs.

On a read-only root each start would compile again, at 2.9 times the cost. The files are never checked against
their sources (PEP 552, unchecked), so that they hold no time.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.oci.errors import CannotBuild


def compile_all(root: Path, places: Sequence[str], *, python: str) -> None:
    """One process in a fixed order: the same sources are the same bytes."""
    command = [_interpreter(python), "-I", "-m", "compileall", "-q", "-f", "-r", "50"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/"]
    done = subprocess.run(
        [*command, *(str(root / place) for place in places)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuild(f"not everything compiles: {done.stdout.strip() or done.stderr.strip()}")


def _interpreter(python: str) -> str:
    """One whose bytecode the image's interpreter reads: of the same minor version."""
    if sys.version_info[:2] == tuple(int(part) for part in python.split(".")):
        return sys.executable
    found = shutil.which(f"python{python}")
    if not found:
        raise CannotBuild(f"the image runs Python {python} and needs its bytecode: install python{python}")
    return found
