"""Trigger filters: dialects, nesting, absent attributes, and what is refused."""

import pytest

from scripts.local.filters import EVERYTHING, parse_attributes, parse_filters

EVENT = {"type": "io.taskflow.task.completed.v1", "source": "/taskflow/tasks", "recurring": "true"}


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ([], True),
        ([{"exact": {"type": "io.taskflow.task.completed.v1"}}], True),
        ([{"exact": {"type": "io.taskflow.task.completed"}}], False),
        ([{"exact": {"type": "io.taskflow.task.completed.v1", "recurring": "false"}}], False),
        ([{"exact": {"webhooks": "true"}}], False),
        ([{"prefix": {"type": "io.taskflow."}}], True),
        ([{"prefix": {"absent": "x"}}], False),
        ([{"suffix": {"type": ".v1"}}], True),
        ([{"suffix": {"type": ".v2"}}], False),
        ([{"not": {"exact": {"absent": "x"}}}], True),
        ([{"not": {"prefix": {"type": "io."}}}], False),
        ([{"any": [{"exact": {"type": "a"}}, {"suffix": {"source": "tasks"}}]}], True),
        ([{"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}], False),
        ([{"all": [{"prefix": {"type": "io."}}, {"not": {"exact": {"recurring": "false"}}}]}], True),
        ([{"prefix": {"type": "io."}}, {"exact": {"recurring": "true"}}], True),
        ([{"prefix": {"type": "io."}}, {"exact": {"recurring": "false"}}], False),
    ],
)
def test_every_filter_of_the_list_must_match(filters, matches):
    assert parse_filters(filters)(EVENT) is matches


def test_no_filter_means_everything():
    assert EVERYTHING(EVENT)


def test_an_empty_text_in_legacy_attributes_stands_for_any_value():
    assert parse_attributes({"type": "", "recurring": "true"})(EVENT)
    assert not parse_attributes({"recurring": "no"})(EVENT)


@pytest.mark.parametrize(
    "filters",
    [
        {"exact": {"type": "a"}},
        [{"cesql": "type = 'a'"}],
        [{"exact": {"type": "a"}, "prefix": {"type": "b"}}],
        [{"exact": {}}],
        [{"exact": {"recurring": True}}],
        [{"exact": {"type": ""}}],
        [{"any": []}],
        [{"not": [{"exact": {"type": "a"}}]}],
        ["exact"],
    ],
)
def test_what_the_cluster_would_not_take_is_refused(filters):
    with pytest.raises(ValueError):
        parse_filters(filters)
