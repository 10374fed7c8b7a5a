"""The shape of a module: a docstring that says what it owns, a bounded length, nothing unfinished."""

import ast
import functools
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
MAX_LINES = 400
GENERATED = "shared/db/migrations/versions/"
SOURCES = sorted(
    str(path.relative_to(PROJECT))
    for folder in ("functions", "shared", "scripts")
    for path in (PROJECT / folder).rglob("*.py")
)
COMMANDS = sorted(
    str(path.relative_to(PROJECT))
    for path in (PROJECT / "scripts").iterdir()
    if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env python3")
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
# Built from parts, so that this file does not find itself.
LEFTOVERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")
TEXTS = ("*.py", "*.yaml", "*.md", "*.toml")


@functools.cache
def tree(path: str) -> ast.Module:
    return ast.parse((PROJECT / path).read_text())


def test_modules_open_with_what_they_own():
    found = [path for path in [*SOURCES, *COMMANDS] if len((ast.get_docstring(tree(path)) or "").split()) < 2]

    assert not found, "say in one or two sentences what the module owns and who calls it"


def test_modules_can_be_read_in_one_sitting():
    lengths = {path: len((PROJECT / path).read_text().splitlines()) for path in [*SOURCES, *COMMANDS]}

    assert {p: n for p, n in lengths.items() if n > MAX_LINES and not p.startswith(GENERATED)} == {}, (
        "split them"
    )


def test_names_say_what_is_in_a_module():
    assert [path for path in SOURCES if Path(path).stem in FORBIDDEN_NAMES] == []


def test_imports_are_absolute():
    assert [
        f"{path}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ] == []


def test_packages_import_nothing():
    bodies = {path: tree(path).body for path in SOURCES if path.endswith("__init__.py")}
    found = [path for path, body in bodies.items() if len(body) != 1 or not isinstance(body[0], ast.Expr)]

    assert not found, "a docstring only: importing a package must cost nothing"


def test_nothing_is_left_unfinished():
    found = []
    for folder in ("functions", "shared", "scripts", "knative", "eventing", "docs", "tests"):
        for pattern in TEXTS:
            for path in (PROJECT / folder).rglob(pattern):
                for number, line in enumerate(path.read_text().splitlines(), 1):
                    if LEFTOVERS.search(line):
                        found.append(f"{path.relative_to(PROJECT)}:{number}: {line.strip()}")

    assert found == []


def test_no_function_only_says_that_it_is_not_there():
    assert [
        f"{path}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.dump(node)
    ] == []
