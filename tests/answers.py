"""Holds every answer of a public function that a test receives against its document: docs/openapi.json of the
task API, docs/openapi-updates.json of `updates`.

Used by the clients of tests/integration and tests/e2e: status, media type, headers, body, and the events of a
stream. An answer that the document does not describe fails the test that asked for it, whatever it asserts.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

DOCS = Path(__file__).resolve().parents[1] / "docs"
TRANSPORT = {404, 405}  # no such route, or none with that method: said for no operation in particular
GATEWAY = {404, 413, 502, 503, 504}  # said by whatever stands before a function, which adds no request id
PROBLEM: Mapping[str, Any] = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}


class Document:
    """One OpenAPI document, and whether answers are among those that it describes."""

    def __init__(self, name: str) -> None:
        self.name = f"docs/{name}"
        self.content: dict[str, Any] = json.loads((DOCS / name).read_text())

    def check(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | None
    ) -> None:
        """Raises AssertionError naming everything that the document does not say; None: a body that is read
        as it comes.
        """
        where = f"{method} {path} answered {status}"
        if method == "OPTIONS":  # CORS is not part of the documents
            return
        described = self._described(where, method, path, status)
        if status == 405:
            assert headers.get("Allow"), f"{where} without Allow"
        for name, given in described.get("headers", {}).items():
            self._check_header(f"{where} with {name}", self._resolved(given), headers.get(name))
        found = b"" if method == "HEAD" and body is not None else body
        self._check_body(where, described.get("content"), headers.get("Content-Type"), found)

    def check_through_gateway(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | None
    ) -> None:
        """As `check`; what the gateway says itself is a problem, too."""
        if headers.get("X-Request-Id") or status not in GATEWAY:
            self.check(method, path, status, headers, body)
        else:
            where = f"the gateway answered {status} to {method} {path}"
            self._check_body(where, PROBLEM["content"], headers.get("Content-Type"), body)

    def check_event(self, path: str, name: str, data: str) -> None:
        """Of a stream: the document names such events, and what they say."""
        (content,) = self._responses("GET", path)["200"]["content"].values()
        assert name in content["x-events"], f"{path} sent {name!r}, which is not in {self.name}"
        self._check_json(f"{path} sent {name}", content["x-events"][name], data)

    def _described(self, where: str, method: str, path: str, status: int) -> Mapping[str, Any]:
        responses = self._responses(method, path)
        if not responses:
            assert status in TRANSPORT, f"{where}, and {self.name} has no such operation"
            return PROBLEM
        assert str(status) in responses, f"{where}, which is not among {sorted(responses)} of {self.name}"
        found: Mapping[str, Any] = responses[str(status)]
        return found

    def _check_header(self, where: str, shape: Mapping[str, Any], value: str | None) -> None:
        assert value is not None or not shape.get("required"), f"{where} missing"
        if value is not None:
            errors = [e.message for e in Draft202012Validator(shape["schema"]).iter_errors(value)]
            assert not errors, f"{where}: {errors}"

    def _check_body(
        self, where: str, content: Mapping[str, Any] | None, media: str | None, body: bytes | None
    ) -> None:
        if not content:
            assert (media, body) in ((None, b""), (None, None)), f"{where} with a body that is not documented"
            return
        kind = (media or "").removesuffix("; charset=utf-8")
        assert kind in content, f"{where} as {media}, not {list(content)}"
        if body and kind.endswith("json"):
            self._check_json(where, content[kind]["schema"], body)

    def _check_json(self, where: str, schema: Mapping[str, Any], body: bytes | str) -> None:
        errors = _validator(self, json.dumps(schema)).iter_errors(json.loads(body))
        wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in errors]
        assert not wrong, f"{where} with what {self.name} does not describe: {wrong}"

    def _responses(self, method: str, path: str) -> dict[str, Any]:
        """By status, of the operation that answers; empty if there is none."""
        for pattern, item in self._paths:
            operation = item.get("get" if method == "HEAD" else method.lower())
            if operation is not None and pattern.fullmatch(path):
                return dict(self._named(operation["responses"]))
        return {}

    def _named(self, responses: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        return ((status, self._resolved(given)) for status, given in responses.items() if status != "default")

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
        """Fixed paths before those with parameters; a path ends with or without a slash."""
        return [
            (re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "/?"), item)
            for path, item in sorted(self.content["paths"].items(), key=lambda pair: "{" in pair[0])
        ]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        reference = node.get("$ref")
        if reference is None:
            return node
        found: Any = self.content
        for key in reference.removeprefix("#/").split("/"):
            found = found[key]
        return found


@cache
def _validator(document: Document, schema: str) -> Draft202012Validator:
    root = {**json.loads(schema), "components": document.content["components"]}
    return Draft202012Validator(root, format_checker=Draft202012Validator.FORMAT_CHECKER)


TASKS = Document("openapi.json")
UPDATES = Document("openapi-updates.json")


class ContractClient(FlaskClient):
    """A test client of the task API whose every answer is checked."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = super().open(*args, **kwargs)
        asked = response.request
        TASKS.check(asked.method, asked.path, response.status_code, response.headers, response.get_data())
        return response
