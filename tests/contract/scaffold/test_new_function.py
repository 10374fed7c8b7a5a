"""`scripts/new-function` in a copy of the tree: what it makes passes, and nothing else had to change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.scaffold.command import Refused, files

PROJECT = Path(__file__).resolve().parents[3]
COPIED = ("functions", "shared", "scripts", "knative", "eventing", "tests", "docs")
ROOT_FILES = ("pyproject.toml", "versions.yaml", "func.yaml")
MADE = """\
eventing/trigger-praise.yaml
functions/praise/__init__.py
functions/praise/func.yaml
functions/praise/handler.py
functions/praise/main.py
functions/praise/settings.py
knative/praise.yaml
tests/integration/functions/praise/test_praise.py
tests/unit/functions/praise/test_praise_handler.py""".splitlines()


@pytest.fixture
def tree(tmp_path):
    for name in COPIED:
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ROOT_FILES:
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def run(tree, *command):
    """In the copy, whose modules come before those of the project."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "COVERAGE_"))}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def checked(tree, *options):
    return run(tree, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options)


def test_a_new_function_costs_one_folder_two_manifests_and_two_tests(tree):
    before = {p for p in tree.rglob("*") if p.is_file()}
    call = "import sys; from scripts.scaffold.command import main; sys.exit(main(sys.argv[1:]))"
    run(tree, sys.executable, "-B", "-c", call, "praise")
    made = sorted(str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file() and p not in before)

    assert made == MADE
    checked(tree, "tests/unit/functions/praise", "tests/integration/functions/praise")
    checked(tree, "tests/contract/wiring", "-k", "not test_boot or praise")
    linted = [str(tree / path) for path in MADE if path.endswith(".py")]
    ruff = str(Path(sys.executable).with_name("ruff"))
    run(tree, ruff, "check", "--no-cache", *linted)
    run(tree, ruff, "format", "--no-cache", "--check", *linted)


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("Praise", "io.taskflow.task.completed.v1", "lower-case"),
        ("two-words", "io.taskflow.task.completed.v1", "lower-case"),
        ("class", "io.taskflow.task.completed.v1", "lower-case"),
        ("audit", "io.taskflow.task.completed.v1", "exists already"),
        ("praise", "io.taskflow.task.imagined.v1", "no event"),
        ("praise", "io.taskflow.reminder.due.v1", "no event of the broker"),
    ],
)
def test_a_wish_that_cannot_work_is_refused(name, event, reason):
    with pytest.raises(Refused, match=reason):
        files(name, event, root=PROJECT)
