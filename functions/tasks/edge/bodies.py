"""The base of all request bodies: a pydantic model that refuses unknown fields, whose errors become
`Invalid`.

Imported with the first body, not before: importing pydantic takes a third of the time of a wake-up.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.domain.errors import FieldError, Invalid


class Misplaced(ValueError):
    """A check of a whole body failed; `field` is the one to name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Body(BaseModel):
    """Unknown fields are refused; nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Empty(Body):
    """No fields."""


def parse(model: type[Body], body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `body` sets, validated; `Invalid` with one `FieldError` for every problem.

    >>> class Name(Body):
    ...     name: str
    >>> parse(Name, {"name": "home"})
    {'name': 'home'}
    >>> parse(Name, {"name": "home", "colour": "red"})
    Traceback (most recent call last):
    shared.domain.errors.Invalid: ...
    """
    try:
        parsed = model.model_validate(dict(body))
    except ValidationError as error:
        raise Invalid(
            errors=[
                FieldError(_field(e), e["type"], e["msg"].removeprefix("Value error, "))
                for e in error.errors(include_url=False, include_input=False)
            ]
        ) from None
    return parsed.model_dump(exclude_unset=True, by_alias=True)


def _field(problem: Mapping[str, Any]) -> str:  # of pydantic's ErrorDetails
    """The dotted path of the member that pydantic refused."""
    cause = problem.get("ctx", {}).get("error")
    named = (cause.field,) if isinstance(cause, Misplaced) else ()
    return ".".join(map(str, (*problem["loc"], *named)))
