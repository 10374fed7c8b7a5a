"""Holds every answer of the task API that a test receives against docs/openapi.json.

Used by the clients of tests/integration/functions/tasks and of tests/e2e: status, media type, body and
headers. An answer that the document does not describe fails the test that asked for it, whatever it asserts.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

DOCUMENT = json.loads((Path(__file__).resolve().parents[3] / "docs/openapi.json").read_text())
TRANSPORT = {404, 405}  # no such route, or none with that method: said for no operation in particular
PROBLEM = {"$ref": "#/components/schemas/Problem"}


class ContractClient(FlaskClient):
    """A test client whose every answer is checked."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = super().open(*args, **kwargs)
        asked = response.request
        check(asked.method, asked.path, response.status_code, response.headers, response.get_data())
        return response


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raises AssertionError naming everything that the document does not say."""
    where = f"{method} {path} answered {status}"
    if method == "OPTIONS":  # CORS is not part of the document
        return
    responses = _responses(method, path)
    if responses is None:
        assert status in TRANSPORT, f"{where}, and docs/openapi.json has no such operation"
        described: dict[str, Any] = {"content": {"application/problem+json": {"schema": PROBLEM}}}
    else:
        assert str(status) in responses, (
            f"{where}, which is not among {sorted(responses)} of docs/openapi.json"
        )
        described = responses[str(status)]
    _check_headers(where, described.get("headers", {}), headers)
    _check_body(
        where, described.get("content"), headers.get("Content-Type"), b"" if method == "HEAD" else body
    )


def _check_headers(where: str, described: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for name, given in described.items():
        shape = _resolved(given)
        value = headers.get(name)
        assert value is not None or not shape.get("required"), f"{where} without {name}"
        if value is not None:
            errors = [e.message for e in Draft202012Validator(shape["schema"]).iter_errors(value)]
            assert not errors, f"{where} with {name}: {errors}"


def _check_body(where: str, content: Mapping[str, Any] | None, media: str | None, body: bytes) -> None:
    if not content:
        assert (media, body) == (None, b""), f"{where} with a body that docs/openapi.json does not have"
        return
    assert media in content, f"{where} as {media}, not {list(content)}"
    if not body:
        return  # an answer to HEAD
    found = json.loads(body)
    errors = _validator(json.dumps(content[media]["schema"])).iter_errors(found)
    wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in errors]
    assert not wrong, f"{where} with a body that docs/openapi.json does not describe: {wrong}"


@cache
def _validator(schema: str) -> Draft202012Validator:
    root = {**json.loads(schema), "components": DOCUMENT["components"]}
    return Draft202012Validator(root, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _responses(method: str, path: str) -> dict[str, Any] | None:
    """By status, of the operation that answers; None if there is none."""
    for pattern, item in _paths():
        if pattern.fullmatch(path):
            operation = item.get("get" if method == "HEAD" else method.lower())
            if operation is not None:
                return {s: _resolved(r) for s, r in operation["responses"].items() if s != "default"}
    return None


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Fixed paths before those with parameters; a path ends with or without a slash."""
    return [
        (re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "/?"), item)
        for path, item in sorted(DOCUMENT["paths"].items(), key=lambda pair: "{" in pair[0])
    ]


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return found
