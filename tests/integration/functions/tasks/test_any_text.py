"""Arbitrary text in every query parameter, header and path value of every route: never an answer of 5xx.

What there is to vary is read from docs/openapi.json and the URL map, so that a new route or parameter is
covered. `ContractClient` checks besides that each answer is one that the document names.
"""

import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.answers import TASKS
from tests.profiles import ANY, examples

HEADERS = ("If-Match", "If-None-Match", "Idempotency-Key", "Content-Type", "Accept", "Authorization",
           "X-Request-Id", "traceparent", "Origin", "Range", "Transfer-Encoding", "Expect")  # fmt: skip
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in TASKS.content["paths"].items()
    for method, operation in item.items()
]
# Text that has broken parsers: NUL, lone surrogates by their bytes, numbers without end, far years.
NASTY = st.sampled_from((
    "", "0", "-1", "+1", "007", "9" * 24, "1e309", "NaN", "Infinity", "١", "\x00", "a\x00b", "\x1b", "\u202e",
    "null", "true", "[]", "{}", '"', "%", "%00", "%zz", "..", "../..", "//", "*", 'W/"1"', '"1", "2"',
    "bytes=0-",
    "infinity", "-infinity", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-02-30", "24:00",
    "WyJ4Il0", "e30", "W10=", "A" * 5_000, "00000000-0000-0000-0000-000000000000", "due,due", "-", "a,,b",
))  # fmt: skip
TEXT = NASTY | st.text(ANY, max_size=40) | st.text(alphabet=st.characters(max_codepoint=0x7F), max_size=40)
LATIN = st.text(
    alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=60
)
HEADER_TEXT = NASTY.filter(lambda text: text.isascii() and text.isprintable()) | LATIN
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def resolved(node):
    if "$ref" not in node:
        return node
    found = TASKS.content
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return found


def names_of(operation, place):
    given_ = [resolved(parameter) for parameter in operation.get("parameters", ())]
    return [parameter["name"] for parameter in given_ if parameter["in"] == place]


def fields_of(operation):
    """The members of the bodies that the operation takes."""
    content = operation.get("requestBody", {}).get("content", {})
    return sorted(
        {name for media in content.values() for name in resolved(media["schema"]).get("properties", {})}
    )


def requests(operation, path):
    ids = st.sampled_from(("00000000-0000-0000-0000-000000000007", "019b796d-d600-7162-ae3a-0e8e5719d63c"))
    fields = fields_of(operation)
    names = st.sampled_from((*names_of(operation, "query"), "surprise"))
    body = st.none() | JSON
    if fields:
        body |= st.dictionaries(st.sampled_from(fields), JSON, max_size=4)
    return st.fixed_dictionaries({
        "values": st.fixed_dictionaries(dict.fromkeys(re.findall(r"\{([^}]+)\}", path), ids | TEXT)),
        "query": st.dictionaries(names, TEXT, max_size=3),
        "headers": st.dictionaries(st.sampled_from(HEADERS), HEADER_TEXT, max_size=3),
        "body": body | st.binary(max_size=30),
    })  # fmt: skip


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)
def test_no_text_is_an_error_of_ours(api, method, path, operation):
    @settings(max_examples=examples(1.5), suppress_health_check=list(HealthCheck))
    @given(requests(operation, path))
    def check(asked):
        target = path
        for name, value in asked["values"].items():
            target = target.replace(f"{{{name}}}", quote(value, safe=""))
        headers = {"Authorization": f"Bearer {api.token}"} | asked["headers"]
        raw = asked["body"] if isinstance(asked["body"], bytes) else None
        json = None if raw is not None else asked["body"]
        if raw is not None:
            headers.setdefault("Content-Type", "application/json")
        answer = api.client.open(
            target, method=method, headers=headers, query_string=asked["query"], data=raw, json=json
        )
        assert answer.status_code < 500, answer.text

    check()
