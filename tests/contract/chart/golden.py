"""The stored render of every profile, for a reviewer to see what a change does to an installation.

`python -m tests.contract.chart.golden` (in .venv) writes them again.
"""

from pathlib import Path

import yaml

from tests.contract.chart.rendered import PROFILES, render

STORED = Path(__file__).with_name("golden")
FIX = ".venv/bin/python -m tests.contract.chart.golden"


def text(profile: str) -> str:
    """All objects of the profile, by template and kind, keys in Helm's order."""
    return yaml.safe_dump_all(render(*PROFILES[profile]), sort_keys=False, width=110)


def refresh() -> None:
    STORED.mkdir(exist_ok=True)
    for path in STORED.glob("*.yaml"):
        path.unlink()
    for profile in PROFILES:
        (STORED / f"{profile}.yaml").write_text(text(profile))


if __name__ == "__main__":
    refresh()
