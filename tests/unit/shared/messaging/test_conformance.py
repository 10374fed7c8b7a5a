"""The CloudEvents SDK as an oracle: what it writes we read, what we write it reads, in all three forms."""

from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent as SdkEvent
from cloudevents.http import from_http as sdk_from_http
from cloudevents.kafka import KafkaMessage
from cloudevents.kafka import from_binary as sdk_from_kafka
from hypothesis import given
from hypothesis import strategies as st

from scripts.contract.examples import example
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent, from_http
from shared.messaging.encoding import attributes_of, cloudevent_of, document, record_of, to_http
from shared.messaging.strict_json import dumps

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
_plain = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='%"'), min_size=1)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)


def _made(event_type: str) -> CloudEvent:
    return cloudevent_of(example(EVENTS[event_type]), source="/taskflow/tasks", traceparent=TRACE)


def _theirs(found) -> dict[str, object]:
    return {name: value for name, value in found.get_attributes().items() if name != "datacontenttype"}


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_sdk_reads_our_requests(event_type):
    ours = _made(event_type)
    found = sdk_from_http(*to_http(ours))
    assert _theirs(found) == attributes_of(ours)
    assert found.get_data() == ours.data


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_sdk_reads_our_structured_events(event_type):
    ours = _made(event_type)
    headers = {"content-type": "application/cloudevents+json"}
    found = sdk_from_http(headers, dumps(document(ours)).encode())
    assert _theirs(found) == attributes_of(ours)
    assert found.get_data() == ours.data


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_sdk_reads_our_records(event_type):
    ours = _made(event_type)
    made = record_of(ours, topic="task-events")
    headers = {name: value.encode() for name, value in made.headers.items()}
    found = sdk_from_kafka(KafkaMessage(headers=headers, key=made.key, value=made.value))
    assert _theirs(found) == attributes_of(ours)
    assert found.get_data() == ours.data


@given(id=_plain, subject=_plain | st.just(""), trace=_plain | st.just(""), data=_json)
@pytest.mark.parametrize("encode", [to_binary, to_structured])
def test_we_read_what_the_sdk_writes(encode, id, subject, trace, data):  # noqa: A002  # the attribute's name
    attributes = {"id": id, "source": "/s", "type": "t", "subject": subject, "traceparent": trace}
    theirs = SdkEvent({**attributes, "datacontenttype": "application/json"}, data)
    ours = from_http(*encode(theirs))
    assert (ours.id, ours.source, ours.type) == (id, "/s", "t")
    assert (ours.subject, ours.extensions.get("traceparent")) == (subject or None, trace or None)
    assert ours.time is not None
    assert ours.data == data


@given(id=_text, source=_text, subject=_text, key=_text, data=_json)
def test_binary_and_structured_say_the_same(id, source, subject, key, data):  # noqa: A002  # the attribute
    event = CloudEvent(
        id=id,
        source=source,
        type="io.taskflow.task.created.v1",
        subject=subject,
        time=datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
        datacontenttype="application/json",
        data=data,
        extensions=MappingProxyType({"partitionkey": key}),
    )
    structured = {"content-type": "application/cloudevents+json"}
    assert from_http(structured, dumps(document(event)).encode()) == event
    if data is not None:
        assert from_http(*to_http(event)) == event
