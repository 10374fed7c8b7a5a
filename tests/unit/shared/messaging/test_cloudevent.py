"""The codec against the specification's rules and hostile requests; `test_conformance` has the SDK."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import LimitExceeded
from shared.messaging.cloudevent import (
    CloudEvent,
    InvalidCloudEvent,
    UnsupportedEncoding,
    from_http,
)
from shared.messaging.encoding import header_value, to_http
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
        {"ce-source": "%E7%95%8C" * 342},
        {"ce-type": "t" * 1025},
        {"ce-subject": "x" * 4097},
        {"ce-" + "x" * 65: "1"},
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


OPTIONAL = ["subject", "time", "dataschema", "traceparent", "tracestate", "partitionkey", "anything"]


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_attribute_that_need_not_be_there_may_be_empty(name):
    binary = from_http(BINARY | {f"ce-{name}": ""}, b"{}")
    structured = from_http(STRUCTURED, _structured(datacontenttype="application/json", data={}, **{name: ""}))
    assert binary == structured == from_http(BINARY, b"{}")


def test_an_empty_content_type_is_none():
    assert from_http(STRUCTURED, _structured(datacontenttype="", data=[1])).data == [1]
    assert from_http(BINARY | {"Content-Type": ""}, b"[1]").data == [1]


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("value", [None, ""])
def test_required_members_are_required(missing, value):
    with pytest.raises(InvalidCloudEvent, match=f"Attribute {missing} "):
        from_http(STRUCTURED, _structured(**{missing: value}))


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_what_becomes_a_key_is_measured_in_bytes(name):
    held = "\u754c" * 341  # 1,023 bytes
    assert from_http(STRUCTURED, _structured(**{name: held})).id
    with pytest.raises(InvalidCloudEvent, match=f"Attribute {name} is longer than 1024 bytes in UTF-8"):
        from_http(STRUCTURED, _structured(**{name: held + "\u754c"}))


@pytest.mark.parametrize("name", ["subject", "anything"])
def test_errors_name_the_attribute(name):
    for value in ("a\u0000b", "\u754c" * 1366):
        with pytest.raises(InvalidCloudEvent, match=f"Attribute {name} "):
            from_http(BINARY | {f"ce-{name}": header_value(value)}, b"{}")
