"""Cursors are opaque, bound to their list, and refuse everything else."""

from datetime import UTC, datetime
from uuid import UUID

import flask
import pytest

from functions.tasks.edge.paging import page
from shared.runtime.problems import Malformed

AT, ID = datetime(2026, 6, 1, 7, 0, 0, 123456, tzinfo=UTC), UUID(int=7)


def ask(query, name="list", **options):
    with flask.Flask("test").test_request_context(f"/?{query}"):
        return page(name, **options)


def test_the_first_page():
    found = ask("")
    assert (found.limit, found.instant_and_id(), found.numbers(2)) == (50, None, None)


def test_a_cursor_brings_back_its_keys():
    first = ask("limit=2")
    body = first.answer(["a", "b", "c"], keys=[(AT, ID)] * 3)
    assert body["items"] == ["a", "b"]
    assert ask(f"cursor={body['next_cursor']}").instant_and_id() == (AT, ID)
    numbers = first.answer([1, 2, 3], keys=[(1, 2), (3, 4), (5, 6)])
    assert ask(f"cursor={numbers['next_cursor']}").numbers(2) == (3, 4)


def test_the_last_page_has_no_cursor():
    assert ask("limit=2").answer(["a", "b"], keys=[(1,), (2,)])["next_cursor"] is None
    assert ask("limit=2").answer([], keys=[])["next_cursor"] is None


def test_a_cursor_of_another_list_is_refused():
    cursor = ask("limit=1").answer([1, 2], keys=[(1,), (2,)])["next_cursor"]
    with pytest.raises(Malformed):
        ask(f"cursor={cursor}", name="other")


NO_CURSORS = ["cursor=x", "cursor=%ff", "cursor=W10", "cursor=" + "A" * 2000, "cursor=bnVsbA"]
NO_LIMITS = ["limit=0", "limit=101", "limit=", "limit=1e1", "limit=1&limit=2", "nope=1"]


@pytest.mark.parametrize("query", NO_CURSORS + NO_LIMITS)
def test_nonsense_is_refused(query):
    with pytest.raises(Malformed):
        ask(query)


def test_keys_of_another_shape_are_refused():
    cursor = ask("limit=1").answer([1, 2], keys=[("x", "y"), (2,)])["next_cursor"]
    for read in (lambda p: p.numbers(2), lambda p: p.numbers(1), lambda p: p.instant_and_id()):
        with pytest.raises(Malformed):
            read(ask(f"cursor={cursor}"))
