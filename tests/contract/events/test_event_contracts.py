"""The published event schemas: generated from the classes, kept by them, and compatible both ways."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter

from scripts.contract import files
from scripts.contract.event_schemas import event_schemas, schema_id
from scripts.contract.examples import example
from shared.events import account, reminder, series, task
from shared.events.base import Event
from shared.events.catalog import EVENTS, TOPICS
from shared.messaging.encoding import cloudevent_of, record_of

SCHEMAS = files.PROJECT / "docs/schemas"
RELEASED = sorted((SCHEMAS / "released").rglob("*.json"))


def validator(path: Path) -> Draft202012Validator:
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def decoded(cls: type[Event], data: dict[str, Any]) -> Event:
    """As a consumer reads: by the class of today, ignoring what it does not know."""
    known = {f.name for f in fields(cls)}
    return TypeAdapter(cls).validate_python({k: v for k, v in data.items() if k in known})


def test_stored_contracts_are_what_the_code_generates():
    differences = list(files.differences())

    assert not differences, f"run {files.FIX} and commit the result:\n" + "".join(differences)


def test_every_event_class_is_in_the_catalog_and_documented():
    modules = (account, reminder, series, task)
    classes = {
        c
        for module in modules
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Event) and c is not Event and getattr(c, "type", "")
    }

    assert classes == set(EVENTS.values())
    assert [
        c.__name__ for c in classes if not (c.__doc__ or "").strip() or c.__doc__.startswith(c.__name__)
    ] == []


@pytest.mark.parametrize("event_type", EVENTS)
def test_type_names_follow_the_rule(event_type):
    prefix, flow, _subject, _action, major = event_type.split(".")

    assert (prefix, flow, major[0]) == ("io", "taskflow", "v")
    assert major[1:].isdigit()


@pytest.mark.parametrize("path", RELEASED, ids=lambda p: f"{p.parent.name}@{p.stem}")
def test_todays_event_satisfies_what_was_promised(path):
    """An old consumer reads a new event."""
    cls = EVENTS[path.parent.name]
    if cls.schema_version != int(path.stem):
        pytest.skip("written before this schema_version; consumers keep it for replay")

    validator(path).validate(example(cls).data())


@pytest.mark.parametrize("path", RELEASED, ids=lambda p: f"{p.parent.name}@{p.stem}")
def test_promised_events_still_decode(path):
    """A new consumer reads an old event, and one that has only what was required."""
    cls, schema = EVENTS[path.parent.name], json.loads(path.read_text())
    for given in schema["examples"]:
        event = decoded(cls, given)
        assert str(event.event_id) == given["event_id"]

        least = {k: v for k, v in given.items() if k in schema["required"]}
        validator(path).validate(least)
        assert decoded(cls, least).user_id == given["user_id"]


@pytest.mark.parametrize("event_type", EVENTS)
def test_unknown_fields_are_tolerated_both_ways(event_type):
    newer = {**example(EVENTS[event_type]).data(), "field_of_tomorrow": {"deep": [1]}}

    validator(SCHEMAS / f"{event_type}.json").validate(newer)
    assert decoded(EVENTS[event_type], newer) == decoded(
        EVENTS[event_type], example(EVENTS[event_type]).data()
    )


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("user_id", ""),
        ("occurred_at", None),
        ("actor", {"kind": "stranger", "id": "x"}),
        ("schema_version", 2),
    ],
)
def test_schemas_refuse_what_consumers_could_not_use(change, value):
    schema = validator(SCHEMAS / "io.taskflow.task.created.v1.json")

    assert not schema.is_valid({**example(task.TaskCreated).data(), change: value})


def test_every_field_is_described_and_every_id_is_its_dataschema():
    for event_type, schema in event_schemas().items():
        assert schema["$id"] == schema_id(event_type)
        assert all(shape.get("description") for shape in schema["properties"].values())


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_record_on_the_wire_names_its_schema(event_type):
    event = example(EVENTS[event_type])
    made = record_of(cloudevent_of(event, source="/taskflow/tasks", traceparent=None), topic=event.topic)

    assert made.headers["ce_dataschema"] == schema_id(event_type)
    assert made.key == event.user_id == made.headers["ce_partitionkey"]
    assert made.topic in TOPICS
    assert len(made.value) <= 65_536
