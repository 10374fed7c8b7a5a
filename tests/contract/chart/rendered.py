"""Renders the chart as Helm does, by the library that Helm is made of: for every test that reads renders.

`render(*PROFILES["local"])` gives the objects of a profile; `render(*files, **{"logLevel": "DEBUG"})` sets
values over the files, by their dotted path.
"""

import functools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

try:
    import helm_python
except ImportError:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("there is no wheel of Helm for this machine", allow_module_level=True)

PROJECT = Path(__file__).resolve().parents[3]
CHART = PROJECT / "charts/todo-app"
NAME, NAMESPACE = "todo-chatbot", "todo-app"
SITE, KAFKA = CHART / "ci/site.yaml", CHART / "ci/kafka.yaml"  # what only an installation's owner knows
# Profile → its values files, in the order of `helm --values`.
PROFILES: dict[str, tuple[Path, ...]] = {
    "default": (SITE, KAFKA),
    "local": (CHART / "values-local.yaml", SITE),
    "staging": (CHART / "values-staging.yaml", SITE),
    "cloud": (CHART / "values-cloud.yaml", SITE, KAFKA),
    "aks": (CHART / "values-aks.yaml", SITE),
    "gke": (CHART / "values-gke.yaml", SITE),
    "free": (CHART / "values-free.yaml", SITE),
}


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # seven renders a file: the slow one takes seconds


class Refused(Exception):
    """Helm's own words."""


def render(*values_files: Path, **sets: Any) -> list[dict[str, Any]]:
    """Every object of an installation, hooks too, in the order of their files."""
    return [
        found
        for _, text in sorted(render_files(*values_files, **sets).items())
        for found in yaml.load_all(text, _Loader)
        if found
    ]


def render_files(*values_files: Path, **sets: Any) -> Mapping[str, str]:
    """Template below the chart → what it became; NOTES.txt and the templates without output are left out."""
    values = read_values(*values_files)
    for path, value in sets.items():
        values = merged(values, _nested(path.split("."), value))
    return {
        path.removeprefix("todo-app/"): text
        for path, text in _rendered(json.dumps(values, sort_keys=True)).items()
        if path.endswith(".yaml") and text.strip()
    }


@functools.cache
def _rendered(values: str) -> Mapping[str, str]:
    """Most tests ask for the same few renders."""
    try:
        return _chart().render(json.loads(values), name=NAME, namespace=NAMESPACE, is_install=True)
    except helm_python.HelmError as error:
        raise Refused(str(error)) from None


def read_values(*files: Path) -> dict[str, Any]:
    """The files' values, the later over the earlier."""
    values: dict[str, Any] = {}
    for path in files:
        values = merged(values, yaml.safe_load(path.read_text()) or {})
    return values


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name."""
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def of_kind(objects: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    return (o for o in objects if o["kind"] == kind)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Helm's rule: maps are merged, null removes, everything else is replaced."""
    both = {
        key: merged(below[key], value)
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        else value
        for key, value in above.items()
    }
    return {key: value for key, value in {**below, **both}.items() if value is not None}


def _nested(path: list[str], value: object) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if path[1:] else value}


@functools.cache
def _chart() -> Any:  # the library's class
    return helm_python.Chart.load(CHART)
