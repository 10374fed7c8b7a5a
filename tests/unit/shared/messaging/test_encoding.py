"""One event, one form: what the outbox publishes, what a command answers, what is kept for a replay."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from scripts.contract.examples import example
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent
from shared.messaging.encoding import cloudevent_of, document, published, record_of, to_http

TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
ID = UUID("01926f00-0000-7000-8000-000000000001")


def _event(**changed):
    fields = {
        "id": ID,
        "source": "/taskflow/tasks",
        "type": "io.taskflow.task.completed.v1",
        "task_id": "t1",
        "user_id": "user ü",
        "time": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "schema_version": 1,
        "flags": {"recurring": "true"},
        "traceparent": TRACE,
        "data": {"title": "ü"},
    }
    return published(**(fields | changed))


def test_records_are_binary_mode_with_the_user_as_key():
    made = record_of(_event(), topic="task-events")
    assert (made.topic, made.key) == ("task-events", "user ü")
    assert made.value == '{"title":"ü"}'.encode()
    assert made.headers == {
        "ce_specversion": "1.0",
        "ce_id": str(ID),
        "ce_source": "/taskflow/tasks",
        "ce_type": "io.taskflow.task.completed.v1",
        "ce_subject": "t1",
        "ce_time": "2026-01-01T12:00:00Z",
        "ce_dataschema": "/schemas/io.taskflow.task.completed.v1.json",
        "ce_partitionkey": "user ü",
        "ce_schemaversion": "1",
        "ce_recurring": "true",
        "ce_traceparent": TRACE,
        "content-type": "application/json",
    }


def test_the_text_of_the_outbox_is_published_as_it_is():
    assert record_of(_event(data=None), topic="t", data='{"a": 1}').value == b'{"a": 1}'


def test_absent_attributes_make_no_header():
    headers = record_of(_event(task_id=None, traceparent=None), topic="t").headers
    assert not {"ce_subject", "ce_traceparent"} & set(headers)


@pytest.mark.parametrize("event_type", EVENTS)
def test_an_answer_and_a_record_have_the_same_attributes(event_type):
    made = cloudevent_of(example(EVENTS[event_type]), source="/taskflow/tasks", traceparent=TRACE)
    record, (headers, body) = record_of(made, topic="t"), to_http(made)
    in_kafka = {k.replace("ce_", ""): v for k, v in record.headers.items()}
    assert {k.replace("ce-", ""): v for k, v in headers.items()} == in_kafka
    assert body == record.value
    kept = document(made)
    assert {k: v for k, v in kept.items() if k not in ("data", "datacontenttype")} == {
        k: v for k, v in in_kafka.items() if k != "content-type"
    }
    assert kept["data"] == json.loads(body)


def test_an_event_without_data_has_no_body():
    headers, body = to_http(CloudEvent(id="1", source="/s", type="t"))
    assert body == b""
    assert "content-type" not in headers
