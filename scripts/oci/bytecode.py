"""Compiles everything in the image, the standard library too; called by `command` before it packs.

On a read-only root each start would compile again and take 2.9 times as long. The files contain no time of
their sources and are not compared with them (PEP 552, unchecked).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.oci.errors import CannotBuild


def compile_all(root: Path, places: Sequence[str], *, python: str) -> None:
    """Compile in one process and in a fixed order, so that the same sources give the same bytes."""
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
