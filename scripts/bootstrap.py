"""Makes `.venv` from requirements-local.lock and re-executes in it; first lines of every scripts/ command.

Standard library only, and it must parse on old Pythons so that it can say what is missing.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "taskflow-locks.json"
LOCK = "requirements-local.lock"
DEV_LOCK = "requirements-dev.lock"
SATISFIED_BY = {LOCK: (LOCK, DEV_LOCK), DEV_LOCK: (DEV_LOCK,)}  # the second contains the first


def ensure_environment(script: str, lock: str = LOCK) -> None:
    """Returns when this process runs in a `.venv` up to date with `lock`; else makes it and re-executes."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the system's Python, not ours
        sys.exit(
            f"TaskFlow needs Python 3.11 or newer, this is {sys.version.split()[0]}: "
            f"run `python3.11 {script}` or newer"
        )
    os.environ.setdefault("TASKFLOW_BEGAN", str(time.time()))  # "ready in … s" counts from here
    current = Path(sys.prefix).resolve() == VENV.resolve()
    if current and up_to_date(lock):
        return
    if not up_to_date(lock):
        install(lock)
    if not current:
        os.execv(PYTHON, [str(PYTHON), script, *sys.argv[1:]])  # noqa: S606  # the same program, in its environment


def up_to_date(lock: str = LOCK) -> bool:
    """Whether the stamp names the present content of the lock, or of one that contains it."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return PYTHON.exists() and any(
        name in stamp and stamp[name] == digest(name) for name in SATISFIED_BY[lock]
    )


def digest(lock: str) -> str:
    """Content hash of a lock file, "" if it is absent."""
    path = PROJECT / lock
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def install(lock: str = LOCK) -> None:
    """Creates the environment, installs the lock with hashes, puts the project on its path, compiles."""
    with _alone():
        if up_to_date(lock):
            return  # another command made it while this one waited
        print(f"preparing .venv from {lock} (once) …", file=sys.stderr, flush=True)
        _fill(lock)
        STAMP.write_text(json.dumps({lock: digest(lock)}))


def _fill(lock: str) -> None:
    if not PYTHON.exists():
        _run(sys.executable, "-m", "venv", str(VENV))
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "--no-deps", "--requirement", str(PROJECT / lock))
    site = next(VENV.glob("lib/python3.*/site-packages"))
    (site / "taskflow.pth").write_text(f"{PROJECT}\n")
    sources = [str(PROJECT / part) for part in ("functions", "shared", "scripts")]
    _run(str(PYTHON), "-m", "compileall", "-q", *sources)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """A lock, so that two commands that start together install one after the other."""
    import fcntl  # absent on Windows, where the message above should still appear

    with (PROJECT / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed with code {done.returncode}; remove {VENV} and try again")
