"""JSON Schema 2020-12 of every event, generated from the frozen dataclasses in `shared/events`.

Objects may have more members: a consumer ignores fields that it does not know, so a new optional field breaks
neither old consumers nor old events. Any other change needs a new type or a new schema_version. A class's
docstring is the description of its event, so it has no example.
"""

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from scripts.contract.examples import example
from scripts.contract.vocabulary import DESCRIPTIONS, SHAPES, Schema
from shared.events.base import Event
from shared.events.catalog import EVENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ENVELOPE = ("schema_version", "event_type")


def schema_id(event_type: str) -> str:
    """The `dataschema` attribute of events of that type."""
    return f"/schemas/{event_type}.json"


def event_schema(cls: type[Event]) -> Schema:
    """The schema of `cls().data()`."""
    generated = TypeAdapter(cls).json_schema(mode="validation")
    names = [f.name for f in fields(cls) if not f.metadata.get("extension")]
    properties: Schema = {
        "schema_version": {"const": cls.schema_version},
        "event_type": {"const": cls.type},
        **{name: _cleaned(generated["properties"][name]) for name in names},
    }
    required = [name for name in generated.get("required", ()) if name in names]
    return {
        "$schema": DIALECT,
        "$id": schema_id(cls.type),
        "title": cls.__name__,
        "description": (cls.__doc__ or "").strip(),
        "type": "object",
        "properties": {name: _described(name, shape) for name, shape in properties.items()},
        "required": [*_ENVELOPE, *required],
        "additionalProperties": True,
        "examples": [example(cls).data()],
        "x-topic": cls.topic,
        "x-extensions": [f.name for f in fields(cls) if f.metadata.get("extension")],
    }


def event_schemas() -> dict[str, Schema]:
    """Schema by event type."""
    return {event_type: event_schema(cls) for event_type, cls in EVENTS.items()}


def _described(name: str, shape: Schema) -> Schema:
    try:
        return {"description": DESCRIPTIONS[name], **(SHAPES.get(name) or shape)}
    except KeyError:
        raise SystemExit(f"describe the field {name!r} in scripts/contract/vocabulary.py") from None


def _cleaned(shape: Any) -> Any:  # any JSON
    """Without pydantic's titles and defaults, which say nothing to a reader."""
    if isinstance(shape, dict):
        return {k: _cleaned(v) for k, v in shape.items() if k not in ("title", "default")}
    return [_cleaned(item) for item in shape] if isinstance(shape, list) else shape
