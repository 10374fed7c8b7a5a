"""The middle layer: what requirements.lock pins, as wheels of the image's platform with checked hashes.

Called by `command`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from scripts.oci.errors import CannotBuild

PLACE = "opt/taskflow"  # on PYTHONPATH
_GLIBC = 36  # of the base: 2.36
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Nothing of it is read at run time; what imports `tests` or `testing` of its own keeps them.
_LEFT_OUT = ("bin", "*.pth", "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.[ch]", "**/tests", "**/test")
_NOT_THE_SAME_TWICE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")  # names of this machine


def download(lock: Path, *, architecture: str, python: str, into: Path) -> None:
    """Puts the wheels into a directory; those that are there already are not loaded again."""
    _pip("download", "--dest", str(into), *_checked(lock), *_platform(architecture, python))


def install(lock: Path, wheels: Path, *, architecture: str, python: str, root: Path) -> None:
    """Unpacks them below `root` without running anything of theirs."""
    target = root / PLACE
    offline = ("--no-index", "--find-links", str(wheels), "--no-compile", "--target", str(target))
    _pip("install", *offline, *_checked(lock), *_platform(architecture, python))
    for pattern in _LEFT_OUT:
        for path in sorted(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name in _NOT_THE_SAME_TWICE:
        for path in target.glob(f"*.dist-info/{name}"):
            path.unlink()


def _checked(lock: Path) -> tuple[str, ...]:
    return ("--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement", str(lock))


def _platform(architecture: str, python: str) -> tuple[str, ...]:
    machine = _MACHINES[architecture]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 16, -1)]
    tags.append(f"manylinux2014_{machine}")
    named = [word for tag in tags for word in ("--platform", tag)]
    return (*named, "--python-version", python, "--implementation", "cp")


def _pip(command: str, *words: str) -> None:
    pip = (sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-input")
    done = subprocess.run([*pip, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((x for x in done.stderr.splitlines() if x.startswith("ERROR")), done.stderr.strip())
        raise CannotBuild(f"pip {command} failed: {reason}")
