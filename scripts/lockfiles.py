"""`scripts/lock`: requirements*.lock from pyproject.toml, with the hash of every file and for every platform.

Resolved by uv at the version of versions.yaml. Locked versions stay, unless pyproject.toml forbids them or
--upgrade is given.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from scripts.bootstrap import PROJECT

# lock file → extra of pyproject.toml
LOCKS = {
    "requirements.lock": None,
    "requirements-local.lock": "local",
    "requirements-dev.lock": "dev",
}


def main(arguments: list[str]) -> int:
    """0 when the locks are right (or have been made so), 1 when --check finds a difference."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description="Makes the lock files.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="change nothing; fail if they are out of date")
    mode.add_argument(
        "--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows"
    )
    choice = parser.parse_args(arguments)
    stale = []
    with tempfile.TemporaryDirectory() as scratch:
        uv = _uv(Path(scratch))
        for name, extra in LOCKS.items():
            made = _compile(uv, Path(scratch) / name, extra=extra, upgrade=choice.upgrade)
            if made == (PROJECT / name).read_text():
                continue
            stale.append(name)
            if not choice.check:
                (PROJECT / name).write_text(made)
    if stale:
        print(f"{', '.join(stale)} {'out of date: run scripts/lock' if choice.check else 'written'}")
    return int(choice.check and bool(stale))


def _compile(uv: str, draft: Path, *, extra: str | None, upgrade: bool) -> str:
    if not upgrade:  # an existing output is what uv keeps versions from
        shutil.copy(PROJECT / draft.name, draft)
    command = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
    ]
    command += ["--python-version", _version("python"), "--output-file", str(draft), "pyproject.toml"]
    subprocess.run([*command, *(["--extra", extra] if extra else [])], cwd=PROJECT, check=True)
    return draft.read_text()


def _uv(scratch: Path) -> str:
    """The pinned uv: the one on the PATH if it is that version, else from PyPI for this once."""
    found, wanted = shutil.which("uv"), _version("uv")
    if (
        found
        and wanted in subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    ):
        return found
    subprocess.run([sys.executable, "-m", "venv", str(scratch / "uv")], check=True)
    program = scratch / "uv/bin"
    subprocess.run([str(program / "pip"), "install", "--quiet", "--no-deps", f"uv=={wanted}"], check=True)
    return str(program / "uv")


def _version(name: str) -> str:
    return str(yaml.safe_load((PROJECT / "versions.yaml").read_text())[name])
