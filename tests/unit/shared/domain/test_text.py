"""Which text users may store."""

import pytest

from shared.domain.text import BadText, clean


def test_text_is_normalised_to_nfc():
    assert clean("Cafe\u0301", maximum=4) == "Café"


@pytest.mark.parametrize("bad", ["a\x00", "a\nb", "a\x85", "a\u202eb", "a\u2066b", "\ud800"])
def test_characters_that_deceive_or_break_are_refused(bad):
    with pytest.raises(BadText, match=r"U\+"):
        clean(bad, maximum=10)


def test_lines_are_allowed_where_they_make_sense():
    assert clean("a\r\n\tb", maximum=10, multiline=True) == "a\n\tb"


@pytest.mark.parametrize(("value", "minimum"), [("", 1), ("x" * 11, 0)])
def test_lengths_are_bounded(value, minimum):
    with pytest.raises(BadText, match="characters"):
        clean(value, maximum=10, minimum=minimum)
