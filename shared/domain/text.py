"""Which text users may store. Called by the validation of every body and by imports."""

import unicodedata

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE = frozenset("\n\t")


class BadText(ValueError):
    """Text that may not be stored; the message says which character or limit."""


def clean(value: str, *, maximum: int, minimum: int = 0, multiline: bool = False) -> str:
    """`value` in NFC, CRLF as LF when `multiline`; lengths are in code points.

    Refuses control characters (also C1), bidirectional overrides and lone surrogates, which render as
    something other than what is stored or cannot be stored at all.
    """
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n") if multiline else value)
    for char in text:
        if char in _LINE and multiline:
            continue
        if unicodedata.category(char) in ("Cc", "Cs") or char in _BIDI:
            raise BadText(f"character U+{ord(char):04X} is not allowed")
    if not minimum <= len(text) <= maximum:
        raise BadText(f"must have {minimum} to {maximum} characters, has {len(text)}")
    return text
