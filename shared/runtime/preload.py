"""Loads behind the first answers what the next requests of a process will need: modules, keys, a connection.

A function's wiring says what, with `later`; `entry.deferred` tells what is being served. Two threads share
one interpreter, so nothing begins before the first answer, or while a request is at work. Why:
docs/decisions/0024-what-a-write-needs-is-loaded-after-the-first-answer.md.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from shared.runtime import clock, lifecycle
from shared.runtime.logging import get_logger

SETTLE_SECONDS = 0.05  # the request that woke the process follows the probe that it waited for
PATIENCE_SECONDS = 1.0  # a process that is never idle has loaded by itself what it needs most
SWITCH_SECONDS = 0.001  # for which this thread may keep the interpreter from one that serves (else 5 ms)

Step = str | Callable[[], object]

log = get_logger(__name__)
_steps: list[Step] = []


def later(*steps: Step) -> None:
    """Do these in this order behind the first answers: names of modules to import, or calls."""
    _steps.extend(steps)


class Preload:
    """What one process loads in the background, and the requests that come first."""

    def __init__(self, steps: Sequence[Step] = _steps) -> None:
        self._steps = steps
        self._changed = threading.Condition()
        self._serving = 0
        self._answered = False

    def start(self) -> None:
        """Begin, in a thread of its own, once something has been answered."""
        threading.Thread(target=self._run, name="preload", daemon=True).start()

    def answered(self) -> None:
        """The process has said that it is ready."""
        with self._changed:
            self._answered = True
            self._changed.notify_all()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A request is at work."""
        with self._changed:
            self._serving += 1
        try:
            yield
        finally:
            with self._changed:
                self._serving -= 1
            self.answered()

    def _run(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._answered)
            self._changed.wait_for(lambda: False, timeout=SETTLE_SECONDS)
        began, failed, interval = clock.monotonic(), 0, sys.getswitchinterval()
        log.info("preloading", steps=len(self._steps))
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            for step in self._steps:
                self._wait_for_a_pause()
                if lifecycle.draining():
                    return
                failed += not _done(step)
        finally:
            sys.setswitchinterval(interval)
        log.info("preloaded", ms=round((clock.monotonic() - began) * 1000), failed=failed)

    def _wait_for_a_pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._serving == 0, timeout=PATIENCE_SECONDS)


def _done(step: Step) -> bool:
    """Whether it could be done; whoever needs it will try again, and be told why not."""
    try:
        if isinstance(step, str):
            importlib.import_module(step)
        else:
            step()
    except Exception as error:  # noqa: BLE001  # nobody waits for this
        name = step if isinstance(step, str) else getattr(step, "__qualname__", type(step).__name__)
        log.failure("could not be preloaded", error, step=name)
        return False
    return True
