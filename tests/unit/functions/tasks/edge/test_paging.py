"""Cursors are opaque, bound to their list, and whatever an edited one holds is refused, never a failure."""

import base64
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.tasks.edge import paging
from functions.tasks.edge.paging import page
from functions.tasks.edge.parameters import Parameters
from shared.runtime.problems import Malformed
from tests.profiles import ANY

AT, ID = datetime(2026, 6, 1, 7, 0, 0, 123456, tzinfo=UTC), UUID(int=7)
BY_TIME = (paging.instant, paging.identifier)
KEYS = [paging.number, paging.instant, paging.due, paging.identifier, paging.string]


def ask(name="list", keys=BY_TIME, **args):
    return page(name, Parameters({k: [v] for k, v in args.items()}, known=paging.PARAMETERS), keys=keys)


def forged(*parts: object, name: object = "list") -> str:
    return base64.urlsafe_b64encode(json.dumps([name, *parts]).encode()).decode()


def test_the_first_page():
    found = ask()
    assert (found.limit, found.fetch, found.after) == (50, 51, None)


def test_a_cursor_brings_back_its_keys():
    body = ask(limit="2").answer(["a", "b", "c"], keys=[(AT, ID)] * 3)
    assert body["items"] == ["a", "b"]
    assert ask(cursor=body["next_cursor"]).after == (AT, ID)
    numbers = ask(limit="2").answer([1, 2, 3], keys=[(1, 2), (3, 4), (5, 6)])
    assert ask(cursor=numbers["next_cursor"], keys=(paging.number,) * 2).after == (3, 4)
    for end in ("infinity", "-infinity"):
        assert ask(cursor=forged(end), keys=(paging.due,)).after == (end,)


def test_the_last_page_has_no_cursor():
    assert ask(limit="2").answer(["a", "b"], keys=[(1,), (2,)])["next_cursor"] is None
    assert ask(limit="2").answer([], keys=[])["next_cursor"] is None


NO_CURSORS = ["x", "\xff", "W10", "A" * 5000, "bnVsbA", "!" * 8, "[" * 4000, forged(), forged(str(AT), 3)]
NO_CURSORS += [forged(str(AT), str(ID), name=name) for name in ("other", None, ["list"])]
NO_CURSORS += [forged(str(AT)), forged(str(AT), str(ID), "more"), forged("2026-06-01T07:00:00", str(ID))]
NO_CURSORS += [forged("0001-01-01T00:00:00+23:59", str(ID)), forged("infinity", str(ID))]
NO_CURSORS.append(base64.urlsafe_b64encode(b"[" * 3000).decode())


@pytest.mark.parametrize("cursor", NO_CURSORS)
def test_another_cursor_is_refused(cursor):
    with pytest.raises(Malformed) as caught:
        ask(cursor=cursor)
    assert (caught.value.code, caught.value.errors[0].field) == ("invalid_cursor", "cursor")


@pytest.mark.parametrize("read", KEYS, ids=lambda read: read.__name__)
@given(text=st.text(ANY))
def test_an_edited_key_is_read_or_refused(read, text):
    try:
        (found,) = ask(cursor=forged(text), keys=(read,)).after
    except Malformed:
        return
    assert found is not None


@pytest.mark.parametrize("limit", ["0", "101", "", "1e1", "007", "+5", "9" * 24, "٣", "-1", "1.0", " 5"])
def test_a_limit_is_a_number_within_its_bounds(limit):
    with pytest.raises(Malformed) as caught:
        ask(limit=limit)
    assert caught.value.errors[0].field == "limit"
