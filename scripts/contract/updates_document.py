"""docs/openapi-updates.json: the function `updates`, which has no routes to read it from. Used by `files`.

OpenAPI 3.1 has no word for the events of a stream: `x-events` names the schema of each one's data.
Every answer of the function's tests is held against this (tests/answers.py).
"""

from typing import Any

from functions.tasks.edge.openapi.document import HEALTH
from functions.tasks.edge.openapi.schemas import schemas
from functions.updates.app import MAX_TOKEN_DIGITS, STREAM

Json = dict[str, Any]  # JSON is dynamically typed

REASONS = ("failed", "shutdown", "time_limit", "token_expired")
CHANGES = ("completed", "created", "deleted", "reopened", "restored", "skipped", "updated")
_TEXT: Json = {"type": "string"}
_TOKEN: Json = {"type": "integer", "minimum": 0}


def document() -> Json:
    """The OpenAPI document of `updates`."""
    shared = schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TaskFlow live updates",
            "version": "1.0.0",
            "description": "A stream of server-sent events over the change feed of the caller's tasks.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/": {"post": _hint()},
            **{f"/health/{name}": {"get": _health(name)} for name in HEALTH},
            STREAM: {"get": _stream()},
        },
        "components": {
            "schemas": {**_events(), **{name: shared[name] for name in ("Problem", "FieldProblem")}},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _stream() -> Json:
    token: Json = {"type": "string", "pattern": f"^[0-9]{{1,{MAX_TOKEN_DIGITS}}}$"}
    return {
        "operationId": "stream",
        "summary": "The caller's changes from now on, or from a change token on",
        "description": "The last id that a client has seen resumes the stream. `reset`: the token is too "
        "old, read everything anew. `end`: the stream ended itself; go on from the last id.",
        "security": [{"bearer": []}],
        "parameters": [
            {"name": "Last-Event-ID", "in": "header", "required": False, "schema": token},
            {"name": "since", "in": "query", "required": False, "schema": token},
        ],
        "responses": {
            "200": _opened(),
            "400": _problem("The token to resume from is none."),
            "401": _problem("No valid bearer token.", {"WWW-Authenticate": _header({"const": "Bearer"})}),
            "429": _problem("The caller has as many streams as there may be."),
            "503": _problem("A passing fault, or no place at this process.", {"Retry-After": _header(_TEXT)}),
        },
    }


def _opened() -> Json:
    named = {f"task.{change}": "TaskChange" for change in CHANGES} | {"reset": "Reset", "end": "End"}
    events = {name: _ref(schema) for name, schema in named.items()}
    return {
        "description": "Events as they happen; a comment every 15 seconds.",
        "headers": {"Cache-Control": _header({"const": "no-store"}), **_request_id()},
        "content": {"text/event-stream": {"schema": _TEXT, "x-events": events}},
    }


def _hint() -> Json:
    verdict = {
        "Kne-Errorclass": _header({"enum": ["transient", "permanent", "bug"]}),
        "Kne-Function": _header({"const": "updates"}),
    }
    refusals = {
        "400": "Not a CloudEvent.",
        "415": "Its data is not JSON.",
        "422": "Not the event that this function takes.",
        "503": "A passing fault.",
    }
    return {
        "operationId": "hint",
        "summary": "A task-updates event: read the feed of its user now",
        "security": [],
        "responses": {
            "204": {"description": "Taken.", "headers": _request_id()},
            **{status: _problem(text, verdict) for status, text in refusals.items()},
        },
    }


def _health(name: str) -> Json:
    return {
        "operationId": name,
        "summary": f"Whether the process has {name}",
        "security": [],
        "responses": {"204": {"description": "Yes."}, "503": _problem("Not yet, or not any more.")},
    }


def _events() -> Json:
    return {
        "TaskChange": _object(id={"type": "string", "format": "uuid"}, version=_TOKEN, change_token=_TOKEN),
        "Reset": _object(change_token=_TOKEN),
        "End": _object(reason={"enum": list(REASONS)}),
    }


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _problem(description: str, headers: Json | None = None) -> Json:
    return {
        "description": description,
        "headers": {**(headers or {}), **_request_id()},
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }


def _request_id() -> Json:
    return {"X-Request-Id": _header(_TEXT)}


def _header(schema: Json) -> Json:
    return {"required": True, "schema": schema}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
