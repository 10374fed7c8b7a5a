"""What the strict parser takes and what it refuses."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import LimitExceeded
from shared.messaging import strict_json
from shared.messaging.strict_json import InvalidJson, loads

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _text
_values = st.recursive(_scalars, lambda v: st.lists(v) | st.dictionaries(_text, v), max_leaves=20)


@given(_values)
def test_what_we_write_we_read(value):
    assert loads(strict_json.dumps(value).encode()) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_numbers_survive(value):
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1} x',
        b'{"a": 1, "a": 2}',
        b'{"x": {"b": 1, "b": 1}}',
        b"NaN",
        b'{"a": -Infinity}',
        b"1e999",
        b"-1e999",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" * 5000,
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\ud800": 1}',
        b'"a\\u0000b"',
        b'{"a\\u0000": 1}',
        b'"\x00"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b'"\xed\xa0\x80"',
        b"[" * 21 + b"]" * 21,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 21 + b"1" + b"}" * 21,
        b"[" * 60_000,
    ],
)
def test_hostile_bodies_are_refused(body):
    with pytest.raises(InvalidJson) as refused:
        loads(body)
    assert refused.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[" * 20 + b"]" * 20, None),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"[" + b"{}," * 30 + b"{}]", [{}] * 31),
        (b'"{[{[{[{[{[{[{[{[{[{[{[{["', "{[" * 12),
    ],
)
def test_what_is_just_allowed(body, value):
    found = loads(body)
    assert value is None or found == value


def test_the_size_limit_is_inclusive():
    assert loads(b'"' + b"a" * 8 + b'"', max_bytes=10) == "a" * 8
    with pytest.raises(LimitExceeded) as refused:
        loads(b'"' + b"a" * 9 + b'"', max_bytes=10)
    assert refused.value.too_large


def test_an_object_has_at_most_200_keys():
    assert len(loads(json.dumps({str(i): i for i in range(200)}).encode())) == 200
    with pytest.raises(InvalidJson):
        loads(json.dumps({str(i): i for i in range(201)}).encode())


def test_messages_never_quote_the_input():
    for body in (b'{"canary": canary}', b'{"canary": 1, "canary": 2}', b'"canary\\ud800"'):
        with pytest.raises(InvalidJson) as refused:
            loads(body)
        assert "canary" not in refused.value.message


def test_dumps_refuses_nan():
    with pytest.raises(ValueError, match="JSON"):
        strict_json.dumps(math.nan)
