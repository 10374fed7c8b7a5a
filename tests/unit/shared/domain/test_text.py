"""Which text users may store."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.text import BadText, clean, clean_label, fold
from tests.profiles import ANY, examples


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


NOTHING = [
    " ", "\u00a0\u3000", "\u200b\u200d\u2060", "\ufeff", "\u115f", "\u1160", "\u3164", "\uffa0",
    "\u2800", "\U000e0001\U000e0041\U000e007f", "\ufe0f", "\U000e0100", "\u180b", "\u0301\u0302",
    "\u00ad", "\u2061\u2063", "\u034f", "\u17b4", "\u061c", "\u2028", "\u0903", "\u20dd", "\ufff0",
    "\u2065", "\ufffe", "\U0001d159", "\U0001d173", " \u200b\u2800\u0301 ",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_a_name_that_shows_nothing_is_refused(text):
    with pytest.raises(BadText, match=r"visible|characters"):
        clean(text, maximum=200, minimum=1)
    with pytest.raises(BadText, match=r"visible|characters"):
        clean_label(text, maximum=50)
    assert clean(text, maximum=200, multiline=True)  # a description may be empty, so it may look so


@pytest.mark.parametrize("text", [
    "a", "0", ".", "\u2764\ufe0f", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0928\u093f", "\u0e01",
    "\u200bx", "\U0001fae8", "\u06dd", "\u1100\u1160", "\ue000", "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "\U0002ebf0",
], ids=ascii)  # fmt: skip
def test_a_name_that_shows_something_is_kept_as_it_is(text):
    assert clean(text, maximum=200, minimum=1) == text


def test_labels_are_trimmed_and_hold_no_comma():
    assert clean_label(" \u00a0\u200bdeep work\u3000\ufeff", maximum=9) == "deep work"
    for text in ("a,b", ",", "a\n", "x" * 51):
        with pytest.raises(BadText):
            clean_label(text, maximum=50)
    with pytest.raises(BadText, match="comma"):
        clean_label("home, work", maximum=50)
    assert clean_label("e\u0301" * 50, maximum=50) == "é" * 50


@pytest.mark.parametrize(("one", "other"), [
    ("Straße", "STRASSE"), ("ÄRZTE", "ärzte"), ("A\u0308rzte", "ärzte"), ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("İstanbul", "i\u0307stanbul"),
    ("\u0390", "\u1fd3"), ("ﬁx", "FIX"), ("\u1e9e", "ss"), ("\u13a0", "\uab70"),
])  # fmt: skip
def test_the_same_name_folds_to_the_same_text(one, other):
    assert fold(one) == fold(other)


def test_names_that_differ_stay_apart():
    assert len({fold(text) for text in ("resume", "résumé", "Resumé", "i", "ı", "home", "hom e")}) == 7


marks = st.sampled_from(
    [chr(point) for point in range(0x300, 0x370)] + list("\u0345\u1fbe\u1fb3\u03b1\u1fbcİß")
)


@settings(max_examples=examples(5))
@given(st.text(ANY, max_size=30) | st.text(marks, max_size=8))
def test_folding_a_fold_changes_nothing(text):
    once = fold(text)
    assert fold(once) == once
    assert once == fold(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFC", once)


@pytest.mark.no_cover
def test_every_character_folds_once():
    for point in range(0x110000):
        once = fold(chr(point))
        assert fold(once) == once, hex(point)
