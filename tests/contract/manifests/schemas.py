"""The schemas of the real things: Kubernetes' own, and those inside Knative's CRDs, made strict.

Kubernetes' come with the wheel kubernetes-validate. Knative's CRDs lie in its Go modules, which the Go
command fetches once into its own cache; nothing of them is kept here. Where Go is missing, their tests are
skipped, but under CI=true that is a failure.
"""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.contract.manifests.given import PROJECT, Object

CRDS = {"serving": "config/core/300-resources", "eventing": "config/core/resources"}
FETCH_SECONDS = 300
Schema = dict[str, Any]


@functools.cache
def versions() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((PROJECT / "versions.yaml").read_text())
    return found


def module(release: str) -> str:
    """Knative 1.N.p is v0.(N+27).p as a Go module.

    >>> module("1.23.0")
    'v0.50.0'
    """
    _, minor, patch = release.split(".")
    return f"v0.{int(minor) + 27}.{patch}"


def complaints(item: Object, schema: Schema, registry: Any = None) -> list[str]:
    """What the schema says against an object: path and reason."""
    options = {"registry": registry} if registry is not None else {}
    errors = Draft202012Validator(schema, **options).iter_errors(item)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in _deepest(errors)]


def _deepest(errors: Any) -> Iterator[Any]:
    """An alternative that fits none of its cases says nothing; its cases do."""
    for error in errors:
        yield from (_deepest(error.context) if error.context else [error])


def kubernetes(item: Object) -> list[str] | None:
    """Against the schema of Kubernetes itself; None when the object is none of its own."""
    folder = _bundled()
    group = item["apiVersion"].replace("/", "-")
    if "." in group.partition("-")[0]:
        group = f"{group.partition('.')[0]}-{item['apiVersion'].partition('/')[2]}"
    path = folder / f"{item['kind'].lower()}-{group}.json"
    if not path.is_file() or not _own(item["apiVersion"]):
        return None
    return complaints(item, json.loads(path.read_text()), _definitions())


def _own(version: str) -> bool:
    group = version.partition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


@functools.cache
def _bundled() -> Path:
    found = find_spec("kubernetes_validate")
    assert found is not None
    assert found.origin is not None
    schemas = Path(found.origin).parent / "kubernetes-json-schema"
    (folder,) = schemas.glob(f"v{versions()['kubernetes']}.*-local-strict")
    return folder


@functools.cache
def _definitions() -> Any:
    contents = json.loads((_bundled() / "_definitions.json").read_text())
    resource = Resource.from_contents(contents, default_specification=DRAFT202012)
    return Registry().with_resource(uri="/api/_definitions.json", resource=resource)


@functools.cache
def knative() -> Mapping[str, Schema]:
    """`apiVersion Kind` → strict schema, of everything that Serving and Eventing define."""
    found: dict[str, Schema] = {}
    for part, folder in CRDS.items():
        directory = source(part)
        for path in sorted((directory / folder).glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                if document and document["kind"] == "CustomResourceDefinition":
                    found |= _schemas(document["spec"])
    return found


@functools.cache
def source(part: str) -> Path:
    """`serving`, `eventing` or `func` in Go's cache, checked by Go against its checksum database."""
    if shutil.which("go") is None:
        _cannot("the schemas of Knative lie in its Go modules, and there is no go on the PATH")
    address = f"knative.dev/{part}@{module(versions()['knative'][part])}"
    command = ["go", "mod", "download", "-json", address]
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=FETCH_SECONDS, env=environment, check=False, cwd="/"
    )
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        _cannot(f"{' '.join(command)}: {answer.get('Error') or done.stderr.strip()}")
    return Path(answer["Dir"])


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _schemas(spec: Mapping[str, Any]) -> dict[str, Schema]:
    return {
        f"{spec['group']}/{version['name']} {spec['names']['kind']}": strict(
            version["schema"]["openAPIV3Schema"], top=True
        )
        for version in spec["versions"]
        if version["served"]
    }


def strict(schema: Schema, *, top: bool = False) -> Schema:
    """The same, but unknown fields are errors where the CRD would only drop them."""
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {key: strict(value) for key, value in schema["properties"].items()}
        if top:  # the definition leaves out what every object has
            any_object: Schema = {"type": "object"}
            made["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
            made["properties"]["metadata"] = any_object
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    if isinstance(schema.get("items"), dict):
        made["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = strict(schema["additionalProperties"])
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made
