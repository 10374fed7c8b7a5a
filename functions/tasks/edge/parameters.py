"""Reads query parameters strictly. Every route that has parameters uses one `Parameters`.

A wrong parameter gives 400 `invalid_query` with its name.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from flask import request

from shared.domain.errors import FieldError
from shared.runtime.problems import Malformed

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")  # no sign, no leading zero, no other script's digits
_SHOWN = 64  # characters of a name that a message repeats
MAX_VALUES = 100  # of one parameter


class Parameters:
    """The parameters of one request, by name; each may be given several times."""

    def __init__(self, args: Mapping[str, Sequence[str]], *, known: Collection[str]) -> None:
        for name, values in args.items():
            if name not in known:
                raise invalid_query(
                    name, f"unknown parameter; known are {', '.join(sorted(known)) or 'none here'}"
                )
            if any(_CONTROL.search(value) for value in values):
                raise invalid_query(name, "control characters are not allowed")
        self._args = args

    def values(self, name: str) -> list[str]:
        """The values of a list: the parameter repeated, or separated by commas."""
        parts = [part.strip() for value in self._args.get(name, ()) for part in value.split(",")]
        found = [part for part in parts if part]
        if len(found) > MAX_VALUES:
            raise invalid_query(name, f"at most {MAX_VALUES} values")
        return found

    def single(self, name: str, default: str = "") -> str:
        """The value of a parameter that may be given once."""
        values = self._args.get(name, ())
        if len(values) > 1:
            raise invalid_query(name, "give it once")
        return values[0] if values else default

    def among(self, name: str, allowed: Collection[str]) -> tuple[str, ...]:
        """The distinct values of a list, each one of `allowed`, in order."""
        found = self.values(name)
        for value in found:
            if value not in allowed:
                raise invalid_query(name, f"use {', '.join(allowed)}")
        return tuple(sorted(set(found)))

    def ids(self, name: str) -> tuple[UUID, ...]:
        """The values of a list of ids."""
        try:
            return tuple(UUID(value) for value in self.values(name))
        except ValueError:
            raise invalid_query(name, "use ids, such as 01890a5d-ac96-774b-bcce-b302099a8057") from None

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        value = self.single(name, "false")
        if value not in ("true", "false"):
            raise invalid_query(name, "use true or false")
        return value == "true"

    def number(self, name: str, *, default: int, lowest: int, highest: int) -> int:
        """A whole number from `lowest` to `highest`, in plain digits."""
        value = self.single(name, str(default))
        if not _NUMBER.fullmatch(value) or not lowest <= int(value) <= highest:
            raise invalid_query(name, f"use a number from {lowest} to {highest}")
        return int(value)


def parameters(*known: str) -> Parameters:
    """Those of the current request; `Malformed` for one that is not `known`."""
    return Parameters(request.args.to_dict(flat=False), known=known)


def invalid_query(name: str, message: str, *, code: str = "invalid_query") -> Malformed:
    """The error for the parameter `name`."""
    shown = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name[:_SHOWN])
    return Malformed(f"{shown}: {message}", code=code, errors=[FieldError(shown, code, message)])
