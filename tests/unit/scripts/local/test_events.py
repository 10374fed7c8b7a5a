"""CloudEvents on Kafka and HTTP, both modes, against examples of the protocol bindings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.local.events import (
    CloudEvent,
    MalformedEvent,
    from_http,
    from_json,
    from_kafka,
    to_http,
    to_json,
    to_kafka,
)
from scripts.local.feeds import wrap
from scripts.local.topics import Record

BASE = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)


def test_a_record_with_ce_headers_is_an_event():
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"/s"),
        ("ce_type", b"t"),
        ("ce_subject", "ü".encode()),
        ("content-type", b"application/json"),
        ("other", b"x"),
    )
    event = from_kafka(headers, b"{}")
    assert event is not None
    assert dict(event.attributes) == {**BASE, "subject": "ü", "datacontenttype": "application/json"}
    assert event.data == b"{}"


def test_a_structured_record_is_an_event():
    body = json.dumps({**BASE, "data": {"a": 1}, "count": 3, "flag": True}).encode()
    event = from_kafka((("content-type", b"application/cloudevents+json; charset=UTF-8"),), body)
    assert event is not None
    assert (event["count"], event["flag"], event.data) == ("3", "true", b'{"a":1}')


@pytest.mark.parametrize(
    "headers",
    [
        (("ce_specversion", b"1.0"), ("ce_id", b"1")),
        (("ce_specversion", b"0.3"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"t")),
        (("ce_specversion", b"\xff"),),
        (("content-type", b"application/cloudevents+json"),),
    ],
)
def test_a_record_that_only_claims_to_be_an_event_is_malformed(headers):
    with pytest.raises(MalformedEvent):
        from_kafka(headers, b"[")


def test_a_plain_record_is_none():
    assert from_kafka((("content-type", b"text/plain"),), b"hello") is None


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True).filter(
            lambda n: n not in {"specversion", "id", "source", "type", "data", "datacontenttype"}
        ),
        TEXT,
        max_size=4,
    ),
    st.binary(min_size=1),
)
def test_both_bindings_round_trip(extensions, data):
    event = CloudEvent({**BASE, **extensions, "datacontenttype": "application/octet-stream"}, data)
    _, headers, value = to_kafka(event)
    assert from_kafka(headers, value) == event
    assert from_http(to_http(event), data) == event


def test_http_headers_are_ascii_and_percent_encoded():
    named = dict(to_http(CloudEvent({**BASE, "subject": 'a b"%ü€'})))
    assert named["ce-subject"] == "a%20b%22%25%C3%BC%E2%82%AC"


def test_the_record_key_is_the_partitionkey():
    assert to_kafka(CloudEvent({**BASE, "partitionkey": "u1"}))[0] == b"u1"
    assert to_kafka(CloudEvent(BASE))[0] is None


def test_structured_text_and_binary_data():
    assert (
        from_json(json.dumps({**BASE, "datacontenttype": "text/plain", "data": "hi"}).encode()).data == b"hi"
    )
    assert from_json(json.dumps({**BASE, "data": "hi"}).encode()).data == b'"hi"'
    event = from_json(json.dumps({**BASE, "data_base64": "/w=="}).encode())
    assert event.data == b"\xff"
    assert to_json(event)["data_base64"] == "/w=="


def test_a_record_that_is_no_event_is_wrapped_as_the_cluster_does():
    record = Record(
        "t", 2, 7, 1_700_000_000_123, b"k1", (("X-Request_Id", b"r"), ("content-type", b"text/plain")), b"v"
    )
    event = wrap(record, "/apis/v1/namespaces/todo-app/kafkasources/s")
    assert dict(event.attributes) == {
        "specversion": "1.0",
        "type": "dev.knative.kafka.event",
        "id": "partition:2/offset:7",
        "source": "/apis/v1/namespaces/todo-app/kafkasources/s#t",
        "subject": "partition:2#7",
        "time": "2023-11-14T22:13:20.123Z",
        "key": "k1",
        "partitionkey": "k1",
        "kafkaheaderxrequestid": "r",
        "kafkaheadercontenttype": "text/plain",
        "datacontenttype": "text/plain",
    }
    assert event.data == b"v"
