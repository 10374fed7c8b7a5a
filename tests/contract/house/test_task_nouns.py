"""How the folders of `functions/tasks` may know one another: docs/decisions/0008-tasks-sliced-by-noun.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TASKS = Path(__file__).resolve().parents[3] / "functions/tasks"
NOUNS = sorted(p.parent.name for p in TASKS.glob("*/__init__.py") if p.parent.name != "edge")
EDGES = ("routes", "view")  # what belongs to one edge and to one noun


def imports(path: Path) -> Iterator[str]:
    """Every module or name that a file imports, dotted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_other_nouns(path: Path, own: str) -> list[str]:
    found = [name.split(".")[2:] for name in imports(path) if name.startswith("functions.tasks.")]
    return [".".join(parts) for parts in found if parts[0] in NOUNS and parts[0] != own]


def test_the_nouns_are_the_folders():
    assert {"tasks", "series", "webhooks", "notifications", "account", "audit", "commands"} <= set(NOUNS)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_imports_no_routes_and_no_view_of_another(noun):
    for path in (TASKS / noun).glob("**/*.py"):
        for name in of_other_nouns(path, noun):
            assert not set(name.split(".")) & set(EDGES), (
                f"{path.name} imports {name}: hand it over in app.py"
            )


def test_the_edge_knows_no_noun_but_the_bodies_that_it_documents():
    for path in (TASKS / "edge").glob("**/*.py"):
        known = [name for name in of_other_nouns(path, "edge") if "bodies" not in name.split(".")]
        assert not known or path.parent.name == "openapi", f"{path.name} imports {known}"


@pytest.mark.parametrize("noun", NOUNS)
def test_verbs_know_neither_the_framework_nor_the_edge(noun):
    """HTTP, commands, a batch and other edges call the same verbs with plain values."""
    for path in (TASKS / noun).glob("**/*.py"):
        if path.stem in ("routes", "bodies", "view", "query", "__init__"):
            continue
        found = [
            name for name in imports(path) if name.startswith(("flask", "functions.tasks.edge", "pydantic"))
        ]
        assert not found, f"{path.relative_to(TASKS)} imports {found}"
