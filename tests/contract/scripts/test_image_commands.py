"""The commands that jobs run are whole in the image: every module that they import is among its parts."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.oci.application import PLACE, copy

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    root = tmp_path_factory.mktemp("image")
    copy(PROJECT, root)
    return root / PLACE


@pytest.mark.parametrize("command", ["migrate", "backup", "republish"])
def test_a_command_starts_from_the_image_alone(application, command):
    done = subprocess.run(
        [sys.executable, f"scripts/{command}", "--help"],
        cwd=application,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "DATABASE_URL" in done.stdout


def test_what_needs_a_developers_machine_stays_out(application):
    inside = {path.name for path in (application / "scripts").iterdir()}
    assert inside - {"__pycache__"} == {"__init__.py", "database", "migrate", "backup", "republish"}
