"""Runs the parts of a tick one after the other, so that one that fails does not stop the others."""

from collections.abc import Callable, Sequence

from shared.runtime.logging import get_logger

log = get_logger(__name__)


def run_all(steps: Sequence[Callable[[], None]]) -> None:
    """Run every step, also after a failure; the first error is raised at the end."""
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:
            log.exception("a step of the tick failed", step=getattr(step, "__qualname__", ""))
            failures.append(error)
    if failures:
        raise failures[0]
