"""The OpenAPI document and the routes are the same thing, both ways; none lacks an auth decision."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from functions.tasks.edge.openapi import operations as described
from functions.tasks.edge.openapi.document import document, is_public
from functions.tasks.edge.routing import auth_of
from functions.tasks.tasks import query
from functions.tasks.tasks.view import render
from scripts.contract import files, updates_document
from scripts.contract.openapi_document import application
from shared.domain.task import Task
from shared.events.catalog import EVENTS

STANDARD = files.PROJECT / "tests/contract/standards/openapi-3.1.schema.json"
PUBLIC = {"/openapi.json", "/health/liveness", "/health/readiness"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return application()


@pytest.fixture(scope="module")
def made(app) -> dict[str, Any]:
    return document(app)


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in made["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@pytest.mark.parametrize("build", [lambda: document(application()), updates_document.document])
def test_it_is_valid_openapi(build):
    errors = Draft202012Validator(json.loads(STANDARD.read_text())).iter_errors(build())

    assert [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in errors] == []


def test_its_schemas_are_valid_json_schema(made):
    for schema in made["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_resolves(made):
    for reference in set(re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(made))):
        node = made
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]


def test_routes_and_document_agree_in_both_directions(app, made):
    assert sorted(routes(app)) == sorted((method, path) for method, path, _ in operations(made))


def test_every_description_belongs_to_a_route(app):
    assert set(described.OPERATIONS) == {rule.endpoint for rule in app.url_map.iter_rules()}


def test_every_route_states_who_may_call_it(app, made):
    for rule in app.url_map.iter_rules():
        assert is_public(app, rule.endpoint) == (rule.rule in PUBLIC), rule.rule
    assert set(auth_of(app)) <= {rule.endpoint for rule in app.url_map.iter_rules()}
    open_paths = {path for _, path, operation in operations(made) if operation["security"] == []}
    assert open_paths == PUBLIC


def test_no_user_route_answers_without_a_token(app):
    client = app.test_client()
    for method, path in routes(app):
        if path in PUBLIC:
            continue
        concrete = re.sub(r"\{[^}]+\}", str(UUID(int=7)), path)
        answer = client.open(concrete, method=method)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated"), (method, path)


def test_every_operation_is_complete(made):
    ids = [operation["operationId"] for _, _, operation in operations(made)]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations(made):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}, where
        assert {p["name"] for p in operation.get("parameters", ()) if p.get("in") == "path"} == set(
            re.findall(r"\{([^}]+)\}", path)
        ), where
        if operation["security"]:
            assert {"401", "503"} <= set(operation["responses"]), where
        for status, response in operation["responses"].items():
            if status.isdigit() and int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], where


def test_list_parameters_are_those_of_the_parser():
    assert set(described.LIST_PARAMETERS) == set(query.PARAMETERS)


def test_it_is_served_without_a_token_and_equals_the_stored_copy(app):
    answer = app.test_client().get("/openapi.json")

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == json.loads((files.PROJECT / "docs/openapi.json").read_text())


def test_it_says_nothing_about_where_it_runs(made):
    text = json.dumps(made)
    assert not re.search(r"postgres|kafka:|127\.0\.0\.1|localhost|secretKeyRef", text)
    assert str(Path.cwd()) not in text


def test_the_document_of_updates_names_every_change_and_every_end():
    """Kinds of changes are the last events of tasks, reasons are what the stream and its hub end with."""
    kinds = {cls.type.split(".")[3] for cls in EVENTS.values() if cls.type.startswith("io.taskflow.task.")}
    source = "".join(
        (files.PROJECT / f"functions/updates/{name}.py").read_text() for name in ("hub", "stream")
    )

    assert set(updates_document.CHANGES) == kinds - {"changed"}
    assert all(f'"{reason}"' in source for reason in updates_document.REASONS)


class _NoRows:
    """A transaction whose tasks have no reminder rows."""

    user_id = "u"

    def fetch(self, *_: object) -> list[object]:
        return []


def test_a_rendered_task_satisfies_its_schema(made):
    at = datetime(2026, 6, 1, 7, tzinfo=UTC)
    task = Task(id=UUID(int=1), title="x", created_at=at, updated_at=at)
    body = render(_NoRows(), [task], user_zone="UTC")[0]
    schema = {"$ref": "#/components/schemas/Task", "components": made["components"]}

    Draft202012Validator(schema).validate(body)
    named = made["components"]["schemas"]["Task"]["properties"]
    assert set(body) == set(named)
