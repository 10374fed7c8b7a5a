"""Runs the examples in docstrings with doctest. Used by tests/unit/shared/test_examples.py and, for the
examples that need PostgreSQL, by tests/integration/shared/test_examples.py.

An example may use what its module imports, and what the test hands in by name (`dsn`, `database`, `user_id`).
"""

import doctest
import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
# Module → the role as which its examples connect.
NEED_DATABASE = {
    "shared.db.pool": "api",
    "shared.db.transaction": "api",
    "shared.db.uow": "api",
    "shared.runtime.consumer": "consumer",
    "shared.runtime.publisher": "api",
}
_PROMPT = ">>> "


@functools.cache
def modules() -> dict[str, int]:
    """Every module of shared/ and functions/ with examples, and how many prompts its text has."""
    found = {}
    for folder in ("shared", "functions"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            prompts = sum(line.lstrip().startswith(_PROMPT) for line in path.read_text().splitlines())
            if prompts:
                name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = prompts
    return found


def failures(module: str, given: Callable[[], Mapping[str, Any]] = dict) -> str:
    """What doctest reports about the examples of a module, "" when all hold; `given` is called for each."""
    loaded = importlib.import_module(module)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    report: list[str] = []
    found = doctest.DocTestFinder(exclude_empty=True).find(loaded, module)
    for example in found:
        example.globs.update(given())
        runner.run(example, out=report.append)
    collected, written = sum(len(example.examples) for example in found), modules()[module]
    if collected != written:
        report.append(f"{module}: {written} prompts, but doctest finds {collected}")
    return "".join(report)
