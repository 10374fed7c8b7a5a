"""The copies of `knative/` and `eventing/` inside the chart: Helm reads no file outside it.

The manifests are changed in `knative/` and `eventing/` only; the copies are equal to them byte for byte.
"""

from collections.abc import Mapping
from pathlib import Path

FOLDERS = ("knative", "eventing")
COPIES = "charts/todo-app/files"


def wanted(project: Path) -> dict[str, bytes]:
    """Path below `project` → content, of every copy."""
    return {
        f"{COPIES}/{folder}/{path.name}": path.read_bytes()
        for folder in FOLDERS
        for path in sorted((project / folder).glob("*.yaml"))
    }


def present(project: Path) -> dict[str, bytes]:
    """The same for the present copies."""
    root = project / COPIES
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def differences(there: Mapping[str, bytes], should: Mapping[str, bytes]) -> list[str]:
    """One line a file that is missing, different or left over."""
    lines = [f"{path}: missing" for path in should.keys() - there.keys()]
    lines += [f"{path}: differs" for path in should.keys() & there.keys() if should[path] != there[path]]
    lines += [f"{path}: left over" for path in there.keys() - should.keys()]
    return sorted(lines)


def refresh(project: Path) -> list[str]:
    """Make the copies right; the differences that there were."""
    should, there = wanted(project), present(project)
    for path in there.keys() - should.keys():
        (project / path).unlink()
    for path, content in should.items():
        if there.get(path) != content:
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes(content)
    return differences(there, should)
