"""The top layer: our own code, without the parts that only tests or people need."""

import shutil
from pathlib import Path

PLACE = "app"
PARTS = (  # the Dockerfile copies the same
    "functions",
    "shared",
    "scripts/__init__.py",
    "scripts/database",
    "scripts/migrate",
    "scripts/backup",
    "scripts/republish",
)
LEFT_OUT = ("shared/testing",)


def copy(project: Path, root: Path) -> None:
    """Copy modules only, so that other files in the folders do not change the image."""
    for part in PARTS:
        source = project / part
        files = [source] if source.is_file() else sorted(source.rglob("*.py"))
        for file in files:
            inside = file.relative_to(project)
            if any(inside.is_relative_to(out) for out in LEFT_OUT):
                continue
            target = root / PLACE / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
