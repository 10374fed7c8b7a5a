"""The manifests as YAML and as the local platform reads them, and the settings of every function."""

import importlib
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from scripts.local import manifests
from scripts.local.document import read
from scripts.local.model import Wiring

PROJECT = Path(__file__).resolve().parents[3]
Documents = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def wired() -> Wiring:
    return manifests.load(PROJECT)


@pytest.fixture(scope="session")
def documents() -> Documents:
    """The one object of every manifest, by path below the project."""
    found = {}
    for path in sorted([*PROJECT.glob("knative/*.yaml"), *PROJECT.glob("eventing/*.yaml")]):
        objects = read(path)
        assert len(objects) == 1, f"{path.name}: one object per file"
        found[str(path.relative_to(PROJECT))] = objects[0]
    return found


@pytest.fixture(scope="session")
def services(documents: Documents) -> Documents:
    """The Knative Services, by name."""
    return {d["metadata"]["name"]: d for d in documents.values() if d["kind"] == "Service"}


@pytest.fixture(scope="session")
def functions(project: Path) -> list[str]:
    """The functions that have code."""
    return sorted(path.parent.name for path in project.glob("functions/*/main.py"))


@pytest.fixture(scope="session")
def settings_of(functions: list[str]) -> dict[str, dict[str, Field[Any]]]:
    """Function → environment variable → field of its Settings."""
    return {
        name: {
            f.name.upper(): f for f in fields(importlib.import_module(f"functions.{name}.settings").Settings)
        }
        for name in functions
    }
