"""Writes docs/configuration.md from the Settings of all functions: python -m scripts.configuration_doc."""

import importlib
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from shared.runtime.settings import KafkaAccess, Process, Runner

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
TYPES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    tuple[str, ...]: "list, by commas",
}
COLUMNS = ("| variable | type | default | meaning |", "|---|---|---|---|")
HEAD = """# Configuration

Every environment variable of every function. Made from the `Settings` classes by `python -m
scripts.configuration_doc`; a test compares the page with them, another one the classes with `knative/*.yaml`.

A process reads its variables once, at start, each with a parser of its own. When one is missing or wrong it
ends at once and names every such variable with the fix.

A secret may also be a file: `SECRETS_DIR` names the directory, the file is called like the variable. A secret
never shows in logs.
"""


@dataclass(frozen=True)
class Variable:
    """One row of a table."""

    name: str
    kind: str
    default: str
    help: str

    def __str__(self) -> str:
        return f"| `{self.name}` | {self.kind} | {self.default} | {self.help} |"


def functions() -> list[str]:
    """The names of the functions."""
    return sorted(path.parent.name for path in ROOT.glob("functions/*/settings.py"))


def page() -> str:
    """The whole document."""
    parts = [HEAD, *_section("Every process", _variables(Runner, Process))]
    parts += _section("Every process that publishes to Kafka", _variables(KafkaAccess))
    for name in functions():
        settings = importlib.import_module(f"functions.{name}.settings").Settings
        parts += _section(f"`{name}`", _variables(settings))
    return "\n".join(parts) + "\n"


def _section(title: str, variables: list[Variable]) -> list[str]:
    return [f"## {title}", "", *COLUMNS, *map(str, variables), ""]


def _variables(*classes: type[Any]) -> list[Variable]:  # dataclasses have no type of their own
    found: dict[str, Variable] = {}
    for cls in classes:
        hints = get_type_hints(cls)
        for field in fields(cls):
            made = _variable(field, hints[field.name])
            found.setdefault(made.name, made)
    return list(found.values())


def _variable(field: Field[Any], kind: Any) -> Variable:  # annotations have no common type
    secret = ", secret" if field.metadata.get("secret") else ""
    return Variable(field.name.upper(), TYPES[kind] + secret, _default(field), field.metadata.get("help", ""))


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "required"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"`{field.default}`" if field.default not in ("", ()) else "empty"


if __name__ == "__main__":
    PAGE.write_text(page())
