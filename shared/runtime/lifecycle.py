"""Callbacks for the moment when a process listens and for its end; the owners of resources register them.

`serve` calls `listening`, `begin_drain` and `stop`; under plain functions-framework `atexit` calls `stop`.
"""

import atexit
import threading
from collections.abc import Callable, Sequence

from shared.runtime.logging import get_logger

FLUSH_SECONDS = 5.0

log = get_logger(__name__)
_lock = threading.Lock()
_callbacks: list[Callable[[], None]] = []
_draining = threading.Event()
_prepared: list[Callable[[], object]] = []


def on_stop(callback: Callable[[], None]) -> None:
    """Run `callback` when the process stops, last registered first; all share FLUSH_SECONDS."""
    with _lock:
        if not _callbacks:
            atexit.register(stop)
        _callbacks.append(callback)


def on_listening(callback: Callable[[], object]) -> None:
    """Run `callback` in a separate thread once the process listens; only under `serve`."""
    _prepared.append(callback)


def listening() -> None:
    """Called by `serve` when the socket accepts: run the registered callbacks in a thread."""
    callbacks, _prepared[:] = list(_prepared), []
    threading.Thread(target=_run, args=(callbacks,), name="prepare", daemon=True).start()


def begin_drain() -> None:
    """Called at SIGTERM: from now on connections end after their answer, and streams should end
    themselves.
    """
    _draining.set()


def draining() -> bool:
    """Whether the process has been told to end."""
    return _draining.is_set()


def stop() -> None:
    """Run the callbacks of `on_stop`, once; give up on one that hangs after FLUSH_SECONDS."""
    _draining.set()
    with _lock:
        pending, _callbacks[:] = list(reversed(_callbacks)), []
    if not pending:
        return
    worker = threading.Thread(target=_run, args=(pending,), name="stop", daemon=True)
    try:
        worker.start()
    except RuntimeError:  # the interpreter is already finalising and starts no threads
        _run(pending)
        return
    worker.join(FLUSH_SECONDS)
    if worker.is_alive():
        log.error("stopping took too long, giving up", seconds=FLUSH_SECONDS)


def _run(callbacks: Sequence[Callable[[], object]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:  # one that fails must not keep the others from running
            log.exception("a lifecycle callback failed")
