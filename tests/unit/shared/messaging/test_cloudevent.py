"""The codec against the specification's rules, the SDK and hostile requests."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent as SdkEvent
from cloudevents.http import from_http as sdk_from_http
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import LimitExceeded
from shared.messaging.cloudevent import (
    CloudEvent,
    InvalidCloudEvent,
    UnsupportedEncoding,
    from_http,
    record,
    to_http,
)
from shared.messaging.strict_json import InvalidJson

BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/s",
    "ce-type": "t",
    "Content-Type": "application/json",
}
STRUCTURED = {"content-type": "application/cloudevents+json"}
_printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)


def _structured(**members):
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"} | members).encode()


@given(id=_printable, source=_printable, subject=_printable, key=_printable)
def test_any_attribute_survives_http(id, source, subject, key):  # noqa: A002  # the attribute's own name
    event = CloudEvent(
        id=id,
        source=source,
        type="io.taskflow.task.created.v1",
        subject=subject,
        time=datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
        datacontenttype="application/json",
        data={"a": [1, "ü"]},
        extensions={"partitionkey": key},
    )
    headers, body = to_http(event)
    assert all(value.isascii() for value in headers.values())
    assert from_http(headers, body) == event


def test_the_sdk_understands_us():
    event = CloudEvent(id="1", source="/s", type="t", subject='a "b" 100% ü', data={"a": 1})
    headers, body = to_http(event)
    theirs = sdk_from_http(headers, body)
    assert theirs.get_data() == {"a": 1}
    assert theirs["id"] == "1"


@pytest.mark.parametrize("encode", [to_binary, to_structured])
def test_we_understand_the_sdk(encode):
    theirs = SdkEvent(
        {
            "type": "t",
            "source": "/s",
            "subject": "x",
            "partitionkey": "u",
            "datacontenttype": "application/json",
        },
        {"a": 1},
    )
    headers, body = encode(theirs)
    ours = from_http(headers, body)
    assert (ours.id, ours.type, ours.subject, ours.data) == (theirs["id"], "t", "x", {"a": 1})
    assert ours.extensions == {"partitionkey": "u"}
    assert ours.time is not None


@pytest.mark.parametrize("missing", ["ce-specversion", "ce-id", "ce-source", "ce-type"])
@pytest.mark.parametrize("value", [None, ""])
def test_required_attributes_are_required(missing, value):
    headers = {k: v for k, v in BINARY.items() if k != missing}
    if value is not None:
        headers[missing] = value
    with pytest.raises(InvalidCloudEvent, match=missing.removeprefix("ce-")) as refused:
        from_http(headers, b"{}")
    assert refused.value.code == "invalid_cloudevent"


def test_stray_headers_do_not_override_a_structured_event():
    event = from_http(STRUCTURED | {"ce-id": "FAKE", "ce-type": "FAKE"}, _structured())
    assert (event.id, event.type) == ("1", "t")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents-batch+json",
        "application/cloudevents",
        "application/cloudevents+avro",
        "application/cloudevents+json; charset=utf-16",
        'APPLICATION/CloudEvents+json;charset="latin-1"',
    ],
)
def test_other_encodings_are_named_as_such(content_type):
    with pytest.raises(UnsupportedEncoding) as refused:
        from_http({"content-type": content_type}, _structured())
    assert refused.value.code == "unsupported_media_type"


def test_utf8_may_be_said():
    assert from_http({"Content-Type": "application/cloudevents+json; charset=UTF-8"}, _structured()).id == "1"


@pytest.mark.parametrize(
    "headers",
    [
        {"ce-specversion": "0.3"},
        {"ce-specversion": "2.0"},
        {"ce-id": "x" * 1025},
        {"ce-id": "a\x85b"},
        {"ce-id": "a%0Ab"},
        {"ce-id": "a%00b"},
        {"ce-id": "%ff"},
        {"ce-id": "\xff"},
        {"ce-time": "yesterday"},
        {"ce-time": "2026-13-01T00:00:00Z"},
        {"ce-time": "0001-01-01T00:00:00+14:00"},
        {"ce-time": "9999-12-31T23:59:59-12:00"},
        {"ce-time": "2026-01-01T24:00:00Z"},
        {"ce-time": "2026-01-01T00:00:00+99:00"},
        {"ce-time": "\u0662026-01-01T00:00:00Z"},
        {"ce-time": "2026-01-01"},
        {"ce-time": "2026-01-01T00:00:00"},
        {"ce-time": "20260101T000000Z"},
        {"ce-my-extension": "x"},
        {"ce-": "x"},
        {"ce-datacontenttype": "text/plain"},
        {"ce-subject": ""},
    ],
)
def test_bad_binary_attributes(headers):
    with pytest.raises(InvalidCloudEvent):
        from_http(BINARY | headers, b"{}")


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("100%25", "100%"),
        ("100%", "100%"),
        ('"a \\"b\\""', 'a "b"'),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("\xc3\xbc", "ü"),
        ("a%zz", "a%zz"),
    ],
)
def test_header_values_are_decoded_as_the_binding_says(raw, value):
    assert from_http(BINARY | {"ce-subject": raw}, b"{}").subject == value


def test_repeated_headers_are_refused():
    class Twice(dict):
        def items(self):
            return [*BINARY.items(), ("CE-ID", "2")]

    with pytest.raises(InvalidCloudEvent, match="ce-id"):
        from_http(Twice(), b"{}")


def test_nanoseconds_and_offsets_in_time():
    event = from_http(BINARY | {"ce-time": "2026-01-01t12:00:00.123456789+01:00"}, b"{}")
    assert event.time is not None
    assert event.time.astimezone(UTC) == datetime(2026, 1, 1, 11, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b"NaN", b"[" * 100_000, b'"\\ud800"', b"\xff"])
def test_bad_json_is_bad_in_both_modes(body):
    with pytest.raises(InvalidJson):
        from_http(BINARY, body)
    with pytest.raises(InvalidJson):
        from_http(STRUCTURED, body)


def test_bodies_above_the_limit():
    with pytest.raises(LimitExceeded):
        from_http(BINARY, b'"' + b"a" * 100 + b'"', max_bytes=50)


@pytest.mark.parametrize("content_type", [None, "application/json", "application/vnd.x+json; v=1"])
def test_json_media_types_are_decoded(content_type):
    headers = {k: v for k, v in BINARY.items() if k != "Content-Type"}
    if content_type:
        headers["Content-Type"] = content_type
    assert from_http(headers, b'{"a":1}').data == {"a": 1}


def test_other_data_and_no_data_are_none():
    assert from_http(BINARY | {"Content-Type": "text/plain"}, b"hello").data is None
    assert from_http(BINARY, b"").data is None
    assert from_http(STRUCTURED, _structured()).data is None


@pytest.mark.parametrize(
    "members",
    [
        {"id": 1},
        {"id": True},
        {"source": ["/s"]},
        {"ext": 1.5},
        {"ext": {"a": 1}},
        {"Ext": "x"},
        {"data": 1, "data_base64": "YQ=="},
        {"data_base64": "not base64!"},
        {"data_base64": 5},
        {"time": 5},
    ],
)
def test_bad_structured_members(members):
    with pytest.raises(InvalidCloudEvent):
        from_http(STRUCTURED, _structured(**members))


def test_a_structured_event_is_an_object():
    with pytest.raises(InvalidCloudEvent):
        from_http(STRUCTURED, b"[]")


def test_structured_extensions_have_canonical_text():
    event = from_http(STRUCTURED, _structured(flag=True, off=False, count=7, gone=None))
    assert event.extensions == {"flag": "true", "off": "false", "count": "7"}


def test_base64_data_is_decoded_when_it_is_json():
    encoded = base64.b64encode(b'{"a":1}').decode()
    assert from_http(STRUCTURED, _structured(data_base64=encoded)).data == {"a": 1}
    other = _structured(data_base64=encoded, datacontenttype="application/octet-stream")
    assert from_http(STRUCTURED, other).data is None


def test_an_event_without_data_has_no_body():
    headers, body = to_http(CloudEvent(id="1", source="/s", type="t"))
    assert body == b""
    assert "content-type" not in headers


def _record(**changed):
    fields = {
        "topic": "task-events",
        "user_id": "user ü",
        "id": "e1",
        "source": "/taskflow/tasks",
        "type": "io.taskflow.task.completed.v1",
        "subject": "t1",
        "time": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "schema_version": 1,
        "extensions": {"recurring": "true"},
        "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        "data": '{"title":"ü"}',
    }
    return record(**(fields | changed))


def test_records_are_binary_mode_with_the_user_as_key():
    made = _record()
    assert made.topic == "task-events"
    assert made.key == "user ü"
    assert made.value == '{"title":"ü"}'.encode()
    assert made.headers == {
        "ce_specversion": "1.0",
        "ce_id": "e1",
        "ce_source": "/taskflow/tasks",
        "ce_type": "io.taskflow.task.completed.v1",
        "ce_subject": "t1",
        "ce_time": "2026-01-01T12:00:00Z",
        "ce_dataschema": "/schemas/io.taskflow.task.completed.v1.json",
        "ce_partitionkey": "user ü",
        "ce_schemaversion": "1",
        "ce_recurring": "true",
        "ce_traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        "content-type": "application/json",
    }


def test_absent_attributes_make_no_header():
    headers = _record(subject=None, traceparent=None).headers
    assert "ce_subject" not in headers
    assert "ce_traceparent" not in headers
