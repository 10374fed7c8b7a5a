"""Which text users may store, and when two texts count as the same.

Called by the validation of every body, by the filters of lists and by imports.
"""

import unicodedata

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE = frozenset("\n\t")
# Letters and symbols by their category, but nothing is drawn: the fillers of Hangul, the empty Braille cell,
# the null notehead.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159")
# Format characters that are drawn: Prepended_Concatenation_Mark of Unicode.
_DRAWN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Unassigned, and to be ignored whenever they are assigned (Default_Ignorable_Code_Point).
_IGNORABLE = (range(0x2065, 0x2066), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
_ZERO_WIDTH = "\u200b\u2060\ufeff"
_PLANE = 0xFFFF
_NONCHARACTERS = range(0xFDD0, 0xFDF0)


class BadText(ValueError):
    """Text that may not be stored; the message says which character or limit."""


def clean(value: str, *, maximum: int, minimum: int = 0, multiline: bool = False) -> str:
    """`value` in NFC, CRLF as LF when `multiline`; `BadText` if it is refused. Lengths are in code points.

    Refuses control characters (also C1) and bidirectional overrides, which show something other than what
    is stored, and lone surrogates, which cannot be stored. With a `minimum` the text is a name, and at
    least one character of it must be visible.
    """
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n") if multiline else value)
    for char in text:
        if char in _LINE and multiline:
            continue
        if unicodedata.category(char) in ("Cc", "Cs") or char in _BIDI:
            raise BadText(f"character U+{ord(char):04X} is not allowed")
    if not minimum <= len(text) <= maximum:
        raise BadText(f"must have {minimum} to {maximum} characters, has {len(text)}")
    if minimum and not any(map(_visible, text)):
        raise BadText("must have a visible character, not only blanks or characters that show nothing")
    return text


def clean_label(value: str, *, maximum: int) -> str:
    """`value` as a short name such as a tag: without outer blanks, visible, and without a comma, because
    commas separate names in queries. Raises `BadText`.

    >>> clean_label("  home ", maximum=50)
    'home'
    """
    text = trim(clean(value, maximum=len(value) * 3))  # NFC makes a text at most three times as long
    if "," in text:
        raise BadText("must not contain a comma, which separates names in lists and queries")
    return clean(text, maximum=maximum, minimum=1)


def trim(text: str) -> str:
    """`text` without blanks and zero-width characters at its ends."""
    start, end = 0, len(text)
    while start < end and _outer(text[start]):
        start += 1
    while end > start and _outer(text[end - 1]):
        end -= 1
    return text[start:end]


def fold(text: str) -> str:
    """The form in which texts are compared: NFC of the case folding, independent of any locale.

    Two texts are the same name when their folds are equal. Folding a folded text does not change it.

    >>> fold("Straße") == fold("STRASSE")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _outer(char: str) -> bool:
    return unicodedata.category(char).startswith("Z") or char in _ZERO_WIDTH


def _visible(char: str) -> bool:
    """Whether the character shows something when it stands alone; a combining mark does not."""
    category, point = unicodedata.category(char), ord(char)
    if (
        category == "Cn"
    ):  # unassigned here, but perhaps drawn by a newer Unicode: refuse what no version draws
        noncharacter = point in _NONCHARACTERS or point & _PLANE >= _PLANE - 1
        return not noncharacter and not any(point in ignorable for ignorable in _IGNORABLE)
    if category == "Cf":
        return char in _DRAWN
    return category[0] not in "ZM" and category not in ("Cc", "Cs") and char not in _BLANK
