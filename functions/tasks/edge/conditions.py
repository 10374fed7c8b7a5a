"""Conditional requests (RFC 9110 §13.1): which versions of an object `If-Match` and `If-None-Match` name.

An object's `ETag` is its version in quotes, a strong validator.
"""

import re

from flask import request

from shared.domain.errors import invalid_field

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_VERSION = re.compile(r"0|[1-9][0-9]{0,9}")


def etag(version: int) -> str:
    """The entity tag of an object at `version`."""
    return f'"{version}"'


def if_match() -> frozenset[int] | None:
    """The versions that the `If-Match` of the current request names; None for any version (no header, or
    `*`).

    A weak tag, or one that we never gave, names no version: it never matches (§13.1.1, strong comparison),
    so that the write is refused with 412. `Invalid` when the header is no list of entity tags.

    >>> from flask import Flask
    >>> with Flask("example").test_request_context(headers={"If-Match": '"3", W/"4"'}):
    ...     if_match()
    frozenset({3})
    """
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        return None
    if _TAG.sub("", header).strip(", \t") or '"' not in header:
        message = 'use the ETag of the object, such as "3", a list of them, or *'
        raise invalid_field("If-Match", "invalid_etag", message)
    strong = [opaque for weak, opaque in _TAG.findall(header) if not weak]
    return frozenset(int(opaque) for opaque in strong if _VERSION.fullmatch(opaque))


def not_modified(version: int) -> bool:
    """Whether the client has the object at `version` already (`If-None-Match`, weak comparison)."""
    header = request.headers.get("If-None-Match", "").strip()
    return header == "*" or str(version) in [opaque for _, opaque in _TAG.findall(header)]
