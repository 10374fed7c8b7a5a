"""The size of an image and of its parts; `command` prints it and refuses an image that is too large."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

LIMIT = 200 * 1000 * 1000  # bytes unpacked
_WHOLE = ("app", "usr/lib/python", "usr/share", "etc", "var")  # parts that are not looked into


def by_part(roots: Iterable[Path]) -> Mapping[str, int]:
    """Bytes of the files below `roots`: one part for a package, a library or a place."""
    sizes: Counter[str] = Counter()
    for root in roots:
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                sizes[_part(path.relative_to(root).as_posix())] += path.stat().st_size
    return sizes


def largest(sizes: Mapping[str, int], count: int = 5) -> list[tuple[str, int]]:
    """The biggest first."""
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:count]


def megabytes(size: int) -> str:
    """In units of a million bytes, with one decimal."""
    return f"{size / 1e6:.1f} MB"


def _part(path: str) -> str:
    pieces = path.split("/")
    if path.startswith("usr/lib/python"):
        return "/".join(pieces[:3])
    if path.startswith("opt/taskflow/"):
        return "/".join(pieces[:3]).removesuffix(".libs")
    if path.startswith(_WHOLE):
        return "/".join(pieces[:2]) if pieces[0] != "app" else "app"
    return path
