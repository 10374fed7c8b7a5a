"""Reads JSON from outside: UTF-8, no duplicate keys, no NaN, limited depth and numbers.

Used by the CloudEvents codec and by the HTTP API. What is accepted can be stored: NUL and lone surrogates,
which `json.loads` accepts and PostgreSQL refuses, are refused here.
"""

import json
import math
from typing import Any, NoReturn

from shared.domain.errors import Invalid, LimitExceeded

MAX_DEPTH = 20
MAX_KEYS = 200  # of one object
_INT_BOUND, _INT_DIGITS = 2**63, 20  # what a PostgreSQL bigint holds, and its length with a sign


class InvalidJson(Invalid):
    """The body is not acceptable JSON."""

    code = "invalid_json"


def loads(body: bytes, *, max_bytes: int = 65_536) -> Any:  # JSON is dynamically typed
    """The value of `body`; raises InvalidJson, or LimitExceeded(too_large) above `max_bytes`.

    >>> loads(b'{"n": 1, "n": 2}')
    Traceback (most recent call last):
    shared.messaging.strict_json.InvalidJson: An object repeats a key.
    """
    if len(body) > max_bytes:
        raise LimitExceeded(
            f"The body is larger than {max_bytes} bytes.", code="body_too_large", too_large=True
        )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    value = _decode(text)
    if text.count("{") + text.count("[") > MAX_DEPTH or "\\u" in text:
        _check(value)
    return value


def dumps(value: object) -> str:
    """Compact JSON text; ValueError for NaN and infinity."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _decode(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except InvalidJson:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InvalidJson(f"The body is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise InvalidJson(_TOO_DEEP) from None


_TOO_DEEP = f"The body nests deeper than {MAX_DEPTH} levels."


def _check(root: object) -> None:
    """Check the depth, and texts for what PostgreSQL refuses. Iterative: a deep input must not recurse."""
    level, depth = [root], 0
    while level:
        depth += any(isinstance(v, dict | list) for v in level)
        if depth > MAX_DEPTH:
            raise InvalidJson(_TOO_DEEP)
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                _check_text(value)
        level = below


def _check_text(value: str) -> None:
    if "\x00" in value:
        raise InvalidJson("Text must not contain the NUL character.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidJson("Text must not contain lone surrogates.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise InvalidJson(f"An object has more than {MAX_KEYS} keys.")
    built = dict(pairs)
    if len(built) != len(pairs):
        raise InvalidJson("An object repeats a key.")
    return built


def _integer(text: str) -> int:
    if len(text) > _INT_DIGITS or not -_INT_BOUND <= (value := int(text)) < _INT_BOUND:
        raise InvalidJson("A number does not fit into 64 bits.")
    return value


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise InvalidJson("A number is too large.")
    return value


def _constant(_text: str) -> NoReturn:
    raise InvalidJson("NaN and Infinity are not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
