"""The three parts of the image's file system, each in a directory of its own: what becomes its layer.

Called by `command`, and by the Dockerfile as `python -m scripts.oci.tree PART DIRECTORY`, where there is no
`.venv`: standard library only.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.oci import application, base, bytecode, debian, wheels
from scripts.oci.debian import Package
from scripts.oci.errors import CannotBuild
from scripts.oci.layers import settle

PROJECT = Path(__file__).resolve().parents[2]
LOCK = PROJECT / "requirements.lock"
PARTS = ("base", "dependencies", "application")  # from the bottom up
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Wish:
    """For which machine, and where what was fetched is kept."""

    architecture: str
    python: str
    downloads: Path
    offline: bool = False


def make_base(root: Path, wish: Wish) -> tuple[Package, ...]:
    """Fills `root` with the interpreter; the packages that it is made of."""
    fetched = (
        debian.present(architecture=wish.architecture, into=wish.downloads)
        if wish.offline
        else debian.fetch(base.packages(wish.python), architecture=wish.architecture, into=wish.downloads)
    )
    base.build(root, fetched, python=wish.python)
    bytecode.compile_all(root, [f"usr/lib/python{wish.python}"], python=wish.python)
    return fetched


def make_dependencies(root: Path, wish: Wish) -> Path:
    """Fills `root` with the locked wheels; the directory that holds them packed."""
    place = wish.downloads / f"wheels-{wish.architecture}"
    if not wish.offline:
        wheels.download(LOCK, architecture=wish.architecture, python=wish.python, into=place)
    wheels.install(LOCK, place, architecture=wish.architecture, python=wish.python, root=root)
    bytecode.compile_all(root, [wheels.PLACE], python=wish.python)
    return place


def make_application(root: Path, wish: Wish) -> None:
    """Fills `root` with our code."""
    application.copy(PROJECT, root)
    bytecode.compile_all(root, [application.PLACE], python=wish.python)


def main(arguments: Sequence[str]) -> int:
    """0 when DIRECTORY is filled; 1 with one line."""
    parser = argparse.ArgumentParser(prog="scripts.oci.tree", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--architecture", default="", help="amd64 or arm64; default: this machine's")
    parser.add_argument("--downloads", type=Path, default=Path("/tmp/downloads"))  # noqa: S108  # of a build stage
    choice = parser.parse_args(arguments)
    architecture = choice.architecture or _MACHINES.get(platform.machine(), platform.machine())
    wish = Wish(architecture, "{}.{}".format(*sys.version_info), choice.downloads)
    makers = {"base": make_base, "dependencies": make_dependencies, "application": make_application}
    choice.directory.mkdir(parents=True, exist_ok=True)
    choice.downloads.mkdir(parents=True, exist_ok=True)
    try:
        makers[choice.part](choice.directory, wish)
    except CannotBuild as error:
        print(f"scripts.oci.tree: {error}", file=sys.stderr)
        return 1
    settle(choice.directory)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
