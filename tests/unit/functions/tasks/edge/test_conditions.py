"""`If-Match` and `If-None-Match` as RFC 9110 §13.1 reads them."""

import contextlib

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.tasks.edge.conditions import if_match, not_modified
from shared.domain.errors import Invalid


def ask(read, **headers):
    names = {k.replace("_", "-"): v for k, v in headers.items()}
    with flask.Flask("test").test_request_context("/", headers=names):
        return read()


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ("", None),
        ("*", None),
        ('"3"', {3}),
        ('"3", "5"', {3, 5}),
        ('"3" ,, "5",', {3, 5}),
        ('W/"3"', set()),  # weak tags never match strongly
        ('W/"3", "4"', {4}),
        ('"a,b", "3"', {3}),
        ('"03"', set()),
        ('"99999999999999999999999"', set()),
        ('""', set()),
    ],
)
def test_if_match(header, versions):
    assert ask(if_match, If_Match=header) == versions


@pytest.mark.parametrize("header", ["3", '"3', "W/3", '"3"; "4"', "*, *", 'x"3"', ","])
def test_what_is_no_list_of_entity_tags_is_refused(header):
    with pytest.raises(Invalid) as caught:
        ask(if_match, If_Match=header)
    assert caught.value.errors[0].field == "If-Match"


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF)))
def test_any_header_is_read_or_refused(header):
    with contextlib.suppress(Invalid):
        ask(if_match, If_Match=header)
    ask(lambda: not_modified(3), If_None_Match=header)


@pytest.mark.parametrize(
    ("header", "same"),
    [("", False), ("*", True), ('"3"', True), ('W/"3"', True), ('"2", W/"3"', True), ('"33"', False)],
)
def test_if_none_match(header, same):
    assert ask(lambda: not_modified(3), If_None_Match=header) is same
