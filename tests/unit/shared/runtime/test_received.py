"""Which CloudEvents become events of ours."""

from uuid import UUID

import pytest

from scripts.contract.examples import example
from shared.domain.errors import Invalid
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent
from shared.runtime.received import UnknownSchemaVersion, claimed_user, interpret

ID = "01926f00-0000-7000-8000-000000000001"
TASK = "01926f00-0000-7000-8000-000000000002"
TYPE = "io.taskflow.task.completed.v1"


def _event(type=TYPE, extensions=None, **data):  # noqa: A002  # the attribute's own name
    good = {"event_id": ID, "schema_version": 1, "user_id": "u", "task_id": TASK, "task_version": 3}
    good |= {"event_type": type, "occurred_at": "2026-01-01T12:00:00Z", "actor": {"kind": "user", "id": "u"}}
    given = {"partitionkey": "u", "schemaversion": "1"} if extensions is None else extensions
    body = {k: v for k, v in (good | data).items() if v is not ...}
    return CloudEvent(id=ID, source="/s", type=type, data=body, extensions=given)


def test_a_good_event():
    found = interpret(_event(), accepts={TYPE})
    assert (found.id, found.user_id, found.schema_version) == (ID, "u", 1)
    assert (found.task_id, found.task_version) == (UUID(TASK), 3)


def test_events_about_the_account_have_no_task():
    found = interpret(_event(task_id=None, task_version=None), accepts=None)
    assert (found.task_id, found.task_version) == (None, None)


def test_extensions_are_optional():
    assert interpret(_event(extensions={}), accepts=None).user_id == "u"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "io.taskflow.task.completed.v2"}, "unexpected_event_type"),
        ({"type": "dev.knative.kafka.event"}, "unexpected_event_type"),
        ({"type": "io.taskflow.task.created.v1"}, "unexpected_event_type"),
        ({"event_id": "other"}, "event_id_mismatch"),
        ({"event_id": ...}, "event_id_mismatch"),
        ({"user_id": "other"}, "user_mismatch"),
        ({"user_id": ""}, "invalid_event_data"),
        ({"user_id": 7}, "invalid_event_data"),
        ({"user_id": ...}, "invalid_event_data"),
        ({"schema_version": "1"}, "invalid_schema_version"),
        ({"schema_version": True}, "invalid_schema_version"),
        ({"schema_version": 0}, "invalid_schema_version"),
        ({"schema_version": ...}, "invalid_schema_version"),
        ({"schema_version": 2}, "schema_version_mismatch"),
        ({"task_id": "no"}, "invalid_event_data"),
        ({"task_id": 5}, "invalid_event_data"),
        ({"task_version": "3"}, "invalid_event_data"),
        ({"task_version": True}, "invalid_event_data"),
    ],
)
def test_broken_promises_are_permanent(changed, code):
    with pytest.raises(Invalid) as refused:
        interpret(_event(**changed), accepts={TYPE})
    assert refused.value.code == code


WRONG = {
    "an object": {"a": 1},
    "a list": [1],
    "a fraction": 1.5,
    "a truth": True,
    "ids": "no id",
}
TEXTS = {
    "request_id",
    "title",
    "due",
    "timezone",
    "occurrence_key",
    "reason",
    "resource",
    "resource_id",
    "action",
}


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_member_of_a_wrong_type_is_named(event_type, wrong):
    good = example(EVENTS[event_type]).data()
    for name in good.keys() - {"schema_version", "event_id"}:
        if wrong == "ids" and name in TEXTS | {"user_id"}:
            continue
        event = CloudEvent(
            id=good["event_id"], source="/s", type=event_type, data={**good, name: WRONG[wrong]}
        )
        with pytest.raises(Invalid, match=rf"data\.{name}\b") as refused:
            interpret(event, accepts=None)
        assert refused.value.code == "invalid_event_data"


@pytest.mark.parametrize("version", [0, -1, -(2**63), 2**31, 2**62, 2**63 - 1, True, "1"])
@pytest.mark.parametrize("event_type", EVENTS)
def test_a_version_that_no_column_holds_is_named(event_type, version):
    data = {**example(EVENTS[event_type]).data(), "task_version": version}
    event = CloudEvent(id=data["event_id"], source="/s", type=event_type, data=data)
    with pytest.raises(Invalid, match=r"data\.task_version\b") as refused:
        interpret(event, accepts=None)
    assert refused.value.code == "invalid_event_data"


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_data_must_be_an_object(data):
    with pytest.raises(Invalid):
        interpret(CloudEvent(id=ID, source="/s", type=TYPE, data=data), accepts=None)


def test_an_unknown_version_is_an_outcome_of_its_own():
    with pytest.raises(UnknownSchemaVersion) as unknown:
        interpret(
            _event(schema_version=2, extensions={"partitionkey": "u", "schemaversion": "2"}), accepts=None
        )
    assert (unknown.value.version, unknown.value.user_id) == (2, "u")


def test_failures_are_filed_under_a_user_only_if_the_event_agrees_with_itself():
    assert claimed_user(_event()) == "u"
    assert claimed_user(_event(extensions={})) == "u"
    assert claimed_user(_event(user_id="other")) == ""
    assert claimed_user(_event(user_id=5)) == ""
    assert claimed_user(CloudEvent(id="1", source="/s", type="t")) == ""
