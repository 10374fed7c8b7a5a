"""The OpenAPI 3.1 document of an application, read from its routes. Used by `openapi` and scripts/contracts.

Methods, paths and path parameters come from the URL map, access from `auth_of`, the rest from
`operations`; a route that is missing there is an error, which the contract tests raise first.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from functions.tasks.edge.openapi.operations import HEADERS, OPERATIONS, PARAMETERS, STATUSES, Operation
from functions.tasks.edge.openapi.schemas import schemas
from functions.tasks.edge.routing import auth_of

Json = dict[str, Any]  # JSON is dynamically typed

HEALTH = ("liveness", "readiness")  # declared by `create_app`, public by nature
_IMPLICIT = {"HEAD", "OPTIONS"}
_INFO = {
    "title": "TaskFlow API",
    "version": "1.0.0",
    "description": "Tasks, reminders and series. Errors are RFC 9457 problems with a stable `code`; "
    "times are RFC 3339 in UTC; unknown fields are refused.",
    "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
}


def document(app: Flask) -> Json:
    """Every rule of `app` as one operation."""
    paths: Json = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: r.rule):
        for method in sorted((rule.methods or set()) - _IMPLICIT):
            paths.setdefault(_path(rule), {})[method.lower()] = _operation(app, rule, method)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "parameters": {name: {"name": name, **shape} for name, shape in PARAMETERS.items()},
            "headers": HEADERS,
            "responses": {"Problem": _problem("An error; `code` is stable, `detail` is for people.")},
        },
    }


def operation_of(endpoint: str) -> Operation:
    """The operation of an endpoint; the LookupError for a missing one says where to add it."""
    try:
        return OPERATIONS[endpoint]
    except KeyError:
        raise LookupError(f"describe {endpoint!r} in functions/tasks/edge/openapi/operations.py") from None


def is_public(app: Flask, endpoint: str) -> bool:
    """Whether anybody may call it; a route without an auth decision is a LookupError."""
    if endpoint in HEALTH:
        return True
    try:
        return auth_of(app)[endpoint] == "public"
    except KeyError:
        raise LookupError(
            f"the route {endpoint!r} has no auth decision: use Routes.user or .public"
        ) from None


def _operation(app: Flask, rule: Rule, method: str) -> Json:
    described, public = operation_of(rule.endpoint), is_public(app, rule.endpoint)
    made: Json = {
        "operationId": rule.endpoint.removeprefix(f"{method.lower()}_"),
        "summary": described.summary,
        "tags": [described.tag],
        "security": [] if public else [{"bearer": []}],
    }
    if described.description:
        made["description"] = described.description
    parameters = [
        *_path_parameters(rule),
        *({"$ref": f"#/components/parameters/{n}"} for n in described.parameters),
    ]
    if parameters:
        made["parameters"] = parameters
    if described.body is not None:
        content = {media: {"schema": _ref(described.body)} for media in described.media_types}
        made["requestBody"] = {"required": described.body_required, "content": content}
    made["responses"] = dict(_responses(rule, described, public=public))
    return made


def _responses(rule: Rule, described: Operation, *, public: bool) -> Iterator[tuple[str, Json]]:
    success: Json = {"description": STATUSES[described.success]}
    if described.answer is not None:
        media = described.answer_media
        success["content"] = {media: {"schema": _ref(described.answer)}}
    if described.headers:
        success["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in described.headers}
    yield str(described.success), success
    statuses = set(described.errors)
    statuses |= set() if public else {401, 503}
    statuses |= {404} if rule.arguments else set()
    statuses |= {400, 413, 415, 422} if described.body is not None else set()
    statuses |= {412} if "If-Match" in described.parameters else set()
    # A repeat is compared by its body, which is read for that even where none is wanted.
    statuses |= {400, 409, 413, 415, 422} if "Idempotency-Key" in described.parameters else set()
    for status in sorted(statuses):
        plain = status < HTTPStatus.BAD_REQUEST
        yield str(status), {"description": STATUSES[status]} if plain else _problem(STATUSES[status])
    yield "default", {"$ref": "#/components/responses/Problem"}


def _path(rule: Rule) -> str:
    """`/v1/tasks/<uuid:task_id>` as `/v1/tasks/{task_id}`."""
    return "".join(f"{{{text}}}" if dynamic else text for dynamic, text in rule._trace).removeprefix("|")  # noqa: SLF001  # no public reader


def _path_parameters(rule: Rule) -> Iterator[Json]:
    for name in sorted(rule.arguments):
        converter = type(rule._converters[name]).__name__  # noqa: SLF001  # Werkzeug has no public reader
        shape = {"type": "string", "format": "uuid"} if converter == "UUIDConverter" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": shape}


def _problem(description: str) -> Json:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref("Problem")}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
