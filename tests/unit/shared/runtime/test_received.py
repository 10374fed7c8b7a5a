"""Which CloudEvents become events of ours."""

from uuid import UUID

import pytest

from shared.domain.errors import Invalid
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
