"""The version of an object, which grows by one with every change: what a conditional write asks for."""

from collections.abc import Collection

from shared.domain.errors import PreconditionFailed

Versions = Collection[int] | None  # those that a write is meant for; None: any


def check_version(what: str, current: int, wanted: Versions) -> None:
    """Nothing when `current` is one of the `wanted` versions, or when none is asked for.

    Raises `PreconditionFailed` with the current version; `what` names the object in its message.
    """
    if wanted is not None and current not in wanted:
        raise PreconditionFailed(f"The {what} is at version {current} now.", current_version=current)
