"""The compiled checks against the published schemas: what one takes the other takes."""

import json

import pytest
from jsonschema import Draft202012Validator

from scripts.contract.event_schemas import event_schemas
from scripts.contract.examples import example
from scripts.contract.files import PROJECT
from shared.events.catalog import EVENTS
from shared.events.shape import wrong_member

VALIDATORS = {name: Draft202012Validator(schema) for name, schema in event_schemas().items()}
ACTORS = [{"kind": "user", "id": "u"}, {"kind": "user", "id": ""}, {"kind": "x", "id": "u"}, {"kind": "user"}]
OBJECTS = [{}, {"a": 1}, {"a": {"from": 1, "to": None}}]
ABSENT = object()
VALUES = [ABSENT, None, True, 0, -1, 2**62, 1.5, "", "x", [], ["x"], [1], *ACTORS, *OBJECTS]
# jsonschema reads "uuid" and "date-time" as any text: those values are left to the tests below.
IDS, INSTANTS = {"event_id", "task_id", "series_id", "reminder_id"}, {"occurred_at", "completed_at"}
FORMATS = IDS | INSTANTS | {"remind_at", "due_at"}
RELEASED = sorted((PROJECT / "docs/schemas/released").rglob("*.json"))


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_checks_agree_with_the_schema(event_type):
    cls, validator = EVENTS[event_type], VALIDATORS[event_type]
    body = example(cls).data()
    for name in body.keys() - {"schema_version", "event_type"}:
        for value in VALUES:
            if isinstance(value, str) and name in FORMATS:
                continue
            changed = {n: v for n, v in (body | {name: value}).items() if v is not ABSENT}
            taken = wrong_member(cls, changed) is None
            assert taken == validator.is_valid(changed), (name, value)


@pytest.mark.parametrize("path", RELEASED, ids=lambda p: p.parent.name)
def test_what_was_promised_is_taken(path):
    cls = EVENTS[path.parent.name]
    for promised in json.loads(path.read_text())["examples"]:
        assert wrong_member(cls, promised) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reminder_id", "x"),
        ("reminder_id", "{0197294e-8f4c-7e55-a0b1-c2d3e4f50617}"),
        ("reminder_id", "0197294e8f4c7e55a0b1c2d3e4f50617"),
        ("remind_at", "2026-06-01"),
        ("remind_at", "2026-06-01T08:00:00"),
        ("remind_at", "2026-02-30T08:00:00Z"),
        ("remind_at", "0001-01-01T00:00:00+14:00"),
        ("remind_at", "9999-12-31T23:59:59-12:00"),
        ("remind_at", "2026-06-01T24:00:00Z"),
        ("user_id", "u" * 256),
        ("user_id", "a\0b"),
    ],
)
def test_texts_that_are_no_ids_and_no_instants(name, value):
    cls = EVENTS["io.taskflow.reminder.due.v1"]
    assert wrong_member(cls, {**example(cls).data(), name: value}) == name
