"""Query parameters are read strictly: whatever a client writes is a value or a refusal that names it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.tasks.edge.parameters import Parameters
from shared.runtime.problems import Malformed
from tests.profiles import ANY

READS = {
    "values": lambda p: p.values("a"),
    "single": lambda p: p.single("a"),
    "among": lambda p: p.among("a", ("x", "y")),
    "ids": lambda p: p.ids("a"),
    "flag": lambda p: p.flag("a"),
    "number": lambda p: p.number("a", default=1, lowest=1, highest=100),
}


def of(*values):
    return Parameters({"a": list(values)}, known=("a",))


def test_lists_are_repeated_or_separated_by_commas():
    assert of("x, y", "x", ",").values("a") == ["x", "y", "x"]
    assert of("y,x", "x").among("a", ("x", "y")) == ("x", "y")
    assert of(str(UUID(int=7))).ids("a") == (UUID(int=7),)


def test_what_is_absent_has_a_default():
    nothing = Parameters({}, known=("a",))
    assert (nothing.values("a"), nothing.single("a", "z"), nothing.flag("a")) == ([], "z", False)
    assert nothing.number("a", default=7, lowest=1, highest=9) == 7


def test_an_unknown_parameter_is_named_and_cut():
    with pytest.raises(Malformed) as caught:
        Parameters({"b\x00" + "c" * 500: ["1"]}, known=("a",))
    assert caught.value.errors[0].field == "b\N{REPLACEMENT CHARACTER}" + "c" * 62


@pytest.mark.parametrize("value", ["a\x00b", "\x1f", "\x7f", "\x85", "\ud800"])
def test_control_characters_are_refused_whatever_the_parameter(value):
    with pytest.raises(Malformed):
        of(value)


def test_a_list_has_a_limit():
    assert len(of(",".join("x" * 100)).values("a")) == 100
    with pytest.raises(Malformed):
        of(",".join("x" * 101)).values("a")


@pytest.mark.parametrize("name", READS)
@given(values=st.lists(st.text(ANY), max_size=3))
def test_any_text_is_a_value_or_a_refusal_that_names_the_parameter(name, values):
    refused = None
    try:
        READS[name](of(*values))
    except Malformed as error:
        refused = error
    assert refused is None or [each.field for each in refused.errors] == ["a"]
