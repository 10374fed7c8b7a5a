"""The query of GET /v1/tasks."""

import base64
import json
from uuid import UUID, uuid4

import pytest

from functions.tasks.tasks.query import TaskQuery, encode_cursor, parse_query
from shared.runtime.problems import Malformed


def test_defaults_show_open_and_done_newest_first():
    query = parse_query({})
    assert query == TaskQuery(statuses=("done", "open"), sort=(("created_at", True),), limit=50)


def test_filters_are_comma_separated_or_repeated():
    query = parse_query({"priority": ["P1,P3", "P2"], "tag": ["Home", "garden"], "status": ["open"]})
    assert query.priorities == (1, 2, 3)
    assert query.tags == ("garden", "home")
    assert query.statuses == ("open",)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"priority": ["P5"]}, "priority"),
        ({"status": ["closed"]}, "status"),
        ({"limit": ["0"]}, "limit"),
        ({"limit": ["101"]}, "limit"),
        ({"limit": ["٣"]}, "limit"),
        ({"sort": ["user_id"]}, "sort"),
        ({"sort": ["due,-due"]}, "sort"),
        ({"parent_id": ["1"]}, "parent_id"),
        ({"deleted": ["yes"]}, "deleted"),
        ({"colour": ["red"]}, "colour"),
        ({"limit": ["5", "6"]}, "limit"),
    ],
)
def test_a_bad_parameter_is_named(args, named):
    with pytest.raises(Malformed) as caught:
        parse_query(args)
    assert caught.value.errors[0].field == named


def test_a_cursor_continues_its_own_query():
    query = parse_query({"sort": ["due"]})
    last = str(UUID(int=7))
    cursor = encode_cursor(query, ["2026-06-01 07:00:00+00", last])
    assert cursor
    again = parse_query({"sort": ["due"], "cursor": [cursor], "limit": ["3"]})
    assert again.after == ("2026-06-01 07:00:00+00", last)


def _forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "!",
        "e30",
        "AAAA",
        _forged(parse_query({"sort": ["due"]}).fingerprint(), "x", str(uuid4())),
        _forged(parse_query({}).fingerprint(), "x"),
        _forged(parse_query({}).fingerprint(), "x", "not-an-id"),
        _forged(parse_query({}).fingerprint(), 3, str(uuid4())),
        _forged(),
    ],
)
def test_a_cursor_of_another_query_or_none_at_all_is_refused(cursor):
    with pytest.raises(Malformed) as caught:
        parse_query({"cursor": [cursor]})
    assert caught.value.errors[0].field == "cursor"


def test_the_last_page_has_no_cursor():
    assert encode_cursor(parse_query({}), None) is None
