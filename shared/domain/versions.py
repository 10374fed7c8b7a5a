"""Checks the version that a conditional write (`If-Match`) asks for. Called by the repositories.

Every object has a version, a number that grows by one with every change.
"""

from collections.abc import Collection

from shared.domain.errors import PreconditionFailed

Versions = Collection[int] | None  # those that a write is meant for; None: any


def check_version(what: str, current: int, wanted: Versions) -> None:
    """Raise `PreconditionFailed` unless `current` is one of the `wanted` versions; None wants none.

    The error carries the current version; `what` names the object in its message.

    >>> check_version("task", 3, wanted=[2, 3])
    >>> check_version("task", 4, wanted=[2, 3])
    Traceback (most recent call last):
    shared.domain.errors.PreconditionFailed: The task is at version 4 now.
    """
    if wanted is not None and current not in wanted:
        raise PreconditionFailed(f"The {what} is at version {current} now.", current_version=current)
