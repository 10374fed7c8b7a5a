"""The errors of the domain. Raised everywhere; `shared.runtime` turns them into HTTP and event answers.

AppError
├── Invalid              the input breaks a rule; sending it again cannot help
├── Unauthenticated      no valid credentials
├── Forbidden            known caller, not allowed
├── NotFound             no such object, or another user's
├── Conflict             the current state does not allow it
├── PreconditionFailed   the caller saw an older version
├── LimitExceeded        too large or too many
└── RetryLater           a passing fault; the same request may succeed after `delay` seconds

A class's docstring is its default message, and its `code` is what clients compare.

>>> NotFound().message, NotFound().code
('There is no such object.', 'not_found')
>>> Conflict("The task is done; reopen it first.", code="already_done").code
'already_done'
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One rejected field: `field` is a dotted path into the body ("" is the body itself)."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """Something went wrong."""

    code = "error"

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.code = code or type(self).code
        super().__init__(self.message)


class Invalid(AppError):
    """The input is not valid."""

    code = "invalid"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        self.errors = tuple(errors)
        super().__init__(message or (errors[0].message if errors else None), code=code)


def invalid_field(field: str, code: str, message: str) -> Invalid:
    """An `Invalid` about one field; `code` becomes the code of the whole problem, too.

    >>> invalid_field("due", "recurrence_needs_due", "a recurring task needs a due").code
    'recurrence_needs_due'
    """
    return Invalid(code=code, errors=[FieldError(field, code, message)])


class Unauthenticated(AppError):
    """A valid bearer token is required."""

    code = "unauthenticated"


class Forbidden(AppError):
    """This is not allowed."""

    code = "forbidden"


class NotFound(AppError):
    """There is no such object."""

    code = "not_found"


class Conflict(AppError):
    """The current state does not allow this."""

    code = "conflict"

    def __init__(
        self, message: str | None = None, *, code: str | None = None, errors: Sequence[FieldError] = ()
    ) -> None:
        self.errors = tuple(errors)  # which fields stand in the way, where that is known
        super().__init__(message, code=code)


class PreconditionFailed(AppError):
    """The object has changed since it was read."""

    code = "precondition_failed"

    def __init__(self, message: str | None = None, *, current_version: int | None = None) -> None:
        self.current_version = current_version
        super().__init__(message)


class LimitExceeded(AppError):
    """A limit was exceeded."""

    code = "limit_exceeded"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        too_large: bool = False,
        delay: float | None = None,
    ) -> None:
        self.too_large = too_large  # True: the thing itself is too big (413); False: too many (429)
        self.delay = delay  # seconds until it is worth trying again, where that is known
        super().__init__(message, code=code)


class RetryLater(AppError):
    """A passing fault; try again."""

    code = "retry_later"

    def __init__(self, message: str | None = None, *, code: str | None = None, delay: float = 1.0) -> None:
        self.delay = delay  # seconds
        super().__init__(message, code=code)
