"""The query of GET /v1/tasks."""

from uuid import UUID

import pytest

from functions.tasks.edge import paging
from functions.tasks.edge.parameters import Parameters
from functions.tasks.tasks.query import PARAMETERS, TaskQuery, parse_query
from shared.runtime.problems import Malformed


def parse(args):
    return parse_query(Parameters(args, known=PARAMETERS))


def test_defaults_show_open_and_done_newest_first():
    query = parse({})
    assert query == TaskQuery(statuses=("done", "open"), sort=(("created_at", True),))


def test_filters_are_comma_separated_or_repeated():
    query = parse({"priority": ["P1,P3", "P2"], "tag": ["Home", "garden"], "status": ["open"]})
    assert query.priorities == (1, 2, 3)
    assert query.tags == ("garden", "home")
    assert query.statuses == ("open",)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"priority": ["P5"]}, "priority"),
        ({"status": ["closed"]}, "status"),
        ({"sort": ["user_id"]}, "sort"),
        ({"sort": ["due,-due"]}, "sort"),
        ({"parent_id": ["1"]}, "parent_id"),
        ({"deleted": ["yes"]}, "deleted"),
        ({"colour": ["red"]}, "colour"),
        ({"sort": ["due", "title"]}, "sort"),
    ],
)
def test_a_bad_parameter_is_named(args, named):
    with pytest.raises(Malformed) as caught:
        parse(args)
    assert caught.value.errors[0].field == named


def test_a_cursor_is_read_by_the_order_it_belongs_to():
    query = parse({"sort": ["-due,title"]})
    assert query.keys == (paging.due, paging.string, paging.identifier)


def test_every_filter_and_the_order_are_in_the_name_of_the_list():
    one = str(UUID(int=7))
    asked = [
        {},
        {"sort": ["due"]},
        {"sort": ["-due"]},
        {"tag": ["a"]},
        {"tag_any": ["a"]},
        {"priority": ["P1"]},
        {"status": ["open"]},
        {"parent_id": [one]},
        {"deleted": ["true"]},
    ]
    assert len({parse(args).name for args in asked}) == len(asked)
