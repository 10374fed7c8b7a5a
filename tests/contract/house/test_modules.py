"""The shape of a module: a docstring that says what it owns, a bounded length, nothing unfinished."""

import ast
import functools
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
MAX_LINES = 400
MAX_BODY = 25
# The first words after the codes are the reason: `# ours`, `
SILENCED = re.compile(
    r"#\s*(?:noqa|type: ignore)(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w, -]+\])?(?P<why>\W+\w+)?"
)
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
TESTS = sorted(str(path.relative_to(PROJECT)) for path in (PROJECT / "tests").rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
# Built from parts, so that this file does not find itself.
LEFTOVERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")
TEXTS = ("*.py", "*.yaml", "*.md", "*.toml")


def comments(path: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every comment: a pattern in a string is none."""
    with (PROJECT / path).open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


@functools.cache
def tree(path: str) -> ast.Module:
    return ast.parse((PROJECT / path).read_text())


def test_modules_open_with_what_they_own():
    found = [path for path in [*SOURCES, *COMMANDS] if len((ast.get_docstring(tree(path)) or "").split()) < 2]

    assert not found, "say in one or two sentences what the module owns and who calls it"


def own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body, without its docstring and the functions in it, which count themselves."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    lines = set(range(body[0].lineno, (body[-1].end_lineno or 0) + 1))
    for inner in (node for statement in body for node in ast.walk(statement)):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([inner.lineno, *(decorator.lineno for decorator in inner.decorator_list)])
            lines -= set(range(first, (inner.end_lineno or 0) + 1))
    return len(lines)


def test_functions_do_one_thing():
    found = [
        f"{path}:{node.lineno} {node.name}: {own_lines(node)}"
        for path in [*SOURCES, *COMMANDS]
        if not path.startswith(GENERATED)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and own_lines(node) >= MAX_BODY
    ]

    assert not found, f"a function's body stays under {MAX_BODY} lines"


def test_every_silenced_rule_has_its_reason_beside_it():
    """`# noqa: CODE  # why`, or why in a comment of the line above."""
    found = []
    for path in [*SOURCES, *COMMANDS, *TESTS]:
        lines = (PROJECT / path).read_text().splitlines()
        for number, text in comments(path):
            silenced = SILENCED.search(text)
            above = lines[number - 2].strip().startswith("#") if number > 1 else False
            if silenced and not silenced["why"] and not above:
                found.append(f"{path}:{number}: {text}")

    assert not found


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
