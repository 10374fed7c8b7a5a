"""Events as Dapr writes them, every member of its envelope there whether it has a value or not: over HTTP in
both modes, and from Kafka through the local platform. The CloudEvents SDK reads the same from each of them.
"""

import json

import pytest
from cloudevents.http import from_http as sdk_from_http
from cloudevents.kafka import KafkaMessage
from cloudevents.kafka import from_binary as sdk_from_kafka
from cloudevents.kafka import from_structured as sdk_from_structured_kafka
from hypothesis import given
from hypothesis import strategies as st

from scripts.contract.examples import example
from scripts.local import events as platform
from scripts.local.dispatch import NoAnswer, dead_letter
from scripts.local.feeds import wrap
from scripts.local.topics import Record
from shared.domain.errors import Invalid
from shared.events.catalog import EVENTS
from shared.events.task import TaskCompleted
from shared.messaging.cloudevent import CloudEvent, InvalidCloudEvent, from_http
from shared.messaging.encoding import cloudevent_of, document, header_value
from shared.messaging.strict_json import dumps
from shared.runtime.received import interpret

STRUCTURED = "application/cloudevents+json"
EMPTY = {"traceid": "", "traceparent": "", "tracestate": ""}
DAPR = {"pubsubname": "taskflow-pubsub", "topic": "task-events", **EMPTY}
ALL_OPTIONAL = ["subject", "time", "dataschema", "datacontenttype", *DAPR, "partitionkey", "recurring"]
_CONTEXT = {"specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype"}
READERS = {}


def reader(function):
    READERS[function.__name__] = function
    return function


def _envelope(**changed):
    """The structured event that Dapr publishes for one of ours."""
    made = document(cloudevent_of(example(TaskCompleted), source="/taskflow/tasks", traceparent=None))
    return {**made, **DAPR, **changed}


def _attributes(envelope):
    return {name: value for name, value in envelope.items() if name != "data"}


@reader
def structured(envelope):
    return from_http({"content-type": STRUCTURED}, dumps(envelope).encode())


@reader
def binary(envelope):
    headers = {f"ce-{name}": header_value(text) for name, text in _attributes(envelope).items()}
    content_type = headers.pop("ce-datacontenttype")
    return from_http({**headers, "content-type": content_type}, dumps(envelope["data"]).encode())


@reader
def structured_record(envelope):
    return _delivered((("content-type", STRUCTURED.encode()),), dumps(envelope).encode())


@reader
def binary_record(envelope):
    headers = [(f"ce_{name}", text.encode()) for name, text in _attributes(envelope).items()]
    named = {"ce_datacontenttype": "content-type"}
    return _delivered([(named.get(n, n), text) for n, text in headers], dumps(envelope["data"]).encode())


@reader
def dead_lettered(envelope):
    event = platform.from_json(dumps(envelope).encode())
    letter = dead_letter(event, "http://audit.todo-app.svc", NoAnswer("refused"))
    _, headers, value = platform.to_kafka(letter)
    found = _delivered(headers, value)
    extensions = {n: text for n, text in found.extensions.items() if not n.startswith("knative")}
    return CloudEvent(**{**vars(found), "extensions": extensions})


def _delivered(headers, value):
    """What a function reads of a record that the local platform delivers."""
    event = platform.from_kafka(tuple(headers), value)
    assert event is not None
    return from_http(dict(platform.to_http(event)), event.data or b"")


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("read", READERS)
def test_every_event_of_ours_may_come_by_way_of_dapr(read, event_type):
    ours = cloudevent_of(example(EVENTS[event_type]), source="/taskflow/tasks", traceparent=None)
    found = READERS[read]({**document(ours), **{n: ours.extensions.get(n, v) for n, v in DAPR.items()}})
    assert (found.id, found.type, found.time, found.data) == (ours.id, ours.type, ours.time, ours.data)
    assert found.extensions == {**ours.extensions, "pubsubname": "taskflow-pubsub", "topic": "task-events"}
    assert interpret(found, accepts=None).user_id == ours.extensions["partitionkey"]


@pytest.mark.parametrize("read", READERS)
@given(empty=st.sets(st.sampled_from(ALL_OPTIONAL)))
def test_empty_is_absent(read, empty):
    envelope = _envelope(**dict.fromkeys(empty, ""))
    found = READERS[read](envelope)
    present = {name: text for name, text in _attributes(envelope).items() if text}
    assert found.subject == present.get("subject")
    assert found.dataschema == present.get("dataschema")
    assert (found.time is None) == ("time" in empty)
    assert found.datacontenttype in (present.get("datacontenttype"), None)
    assert found.extensions == {n: t for n, t in present.items() if n in {*DAPR, *envelope} - _CONTEXT}
    assert found.data == envelope["data"]


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
@pytest.mark.parametrize("read", READERS)
def test_what_must_say_something_is_named(read, name):
    with pytest.raises((InvalidCloudEvent, platform.MalformedEvent), match=name):
        READERS[read](_envelope(**{name: ""}))


def test_the_sdk_reads_the_same():
    envelope = _envelope()
    ours = structured(envelope)
    content = {"content-type": STRUCTURED}
    message = KafkaMessage(headers={"content-type": STRUCTURED.encode()}, key=None, value=dumps(envelope))
    headers = {f"ce_{name}": text.encode() for name, text in _attributes(envelope).items()}
    headers["content-type"] = headers.pop("ce_datacontenttype")
    theirs = [
        sdk_from_http(content, dumps(envelope).encode()),
        sdk_from_structured_kafka(message),
        sdk_from_kafka(KafkaMessage(headers=headers, key=None, value=dumps(envelope["data"]).encode())),
    ]
    for found in theirs:
        said = {name: text for name, text in found.get_attributes().items() if text}
        assert {n: t for n, t in said.items() if n not in _CONTEXT} == ours.extensions
        assert (said["id"], said["source"], said["type"]) == (ours.id, ours.source, ours.type)
        assert found.get_data() == ours.data


def test_an_envelope_without_a_content_type_is_a_foreign_record():
    """Dapr writes no content-type header unless it is asked to: the source wraps the record, we refuse it."""
    record = Record("task-events", 0, 7, 0, None, (), json.dumps(_envelope()).encode())
    assert platform.from_kafka(record.headers, record.value) is None
    wrapped = wrap(record, "/source")
    found = from_http(dict(platform.to_http(wrapped)), wrapped.data or b"")
    with pytest.raises(Invalid) as refused:
        interpret(found, accepts=None)
    assert refused.value.code == "unexpected_event_type"
