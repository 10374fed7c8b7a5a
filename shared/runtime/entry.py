"""Builds the wiring of a function after it listens, once, for its `main.py`. Liveness answers without it;
readiness says whether it is built.

`serve` starts building as soon as it listens; under plain functions-framework the first readiness probe or
the first request does. Only `serve` goes on to load what later requests need: see `preload`.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from flask import Request, Response

from shared.runtime import clock, lifecycle, problems
from shared.runtime.http import HEALTH, View, new_request_id, no_content
from shared.runtime.logging import get_logger

REBUILD_SECONDS = 1.0  # between two attempts when the wiring fails: probes ask many times a second

T = TypeVar("T")
log = get_logger(__name__)


class NotWired(Exception):  # not an AppError: no view exists that would answer it
    """The wiring of this function failed; its log says why."""


class Once(Generic[T]):
    """Calls `build()` once, also when several threads ask at the same time. If it raises, the next call after
    REBUILD_SECONDS tries again.

    >>> wired = Once(lambda: "view")
    >>> wired(), wired.ready()
    ('view', True)
    """

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._built: T | None = None
        self._failed_at: float | None = None
        lifecycle.on_listening(self._attempt)

    def __call__(self) -> T:
        """The result of `build`, waiting for it if necessary; raises NotWired if it failed."""
        if self._built is None:
            self._attempt()
        if self._built is None:
            raise NotWired
        return self._built

    def ready(self) -> bool:
        """Whether it is built, without waiting. If not, building starts in a thread, unless one does it
        already.
        """
        if self._built is None and not self._lock.locked() and not self._resting():
            threading.Thread(target=self._attempt, name="wiring", daemon=True).start()
        return self._built is not None

    def failed(self) -> bool:
        """Whether the last attempt to build has failed."""
        return self._built is None and self._failed_at is not None

    def _attempt(self) -> None:
        with self._lock:
            if self._built is not None or self._resting():
                return
            try:
                self._built = self._build()
            except (Exception, SystemExit) as error:  # noqa: BLE001  # SystemExit: settings read while wiring
                self._failed_at = clock.monotonic()
                log.failure("wiring failed, not ready", error)

    def _resting(self) -> bool:
        return self._failed_at is not None and clock.monotonic() < self._failed_at + REBUILD_SECONDS


def deferred(build: Callable[[], View]) -> View:
    """The view that `build` makes. Health is answered before it exists; a request gets 503 if it fails."""
    from shared.runtime.preload import Preload  # not for `updates`, which uses `Once` alone

    wired, preload = Once(build), Preload()
    lifecycle.on_listening(preload.start)

    def respond(request: Request) -> Response:
        if is_health(request.method, request.path):
            if wired.ready():
                preload.answered()
            return health(wired, request.path)
        with preload.serving():
            try:
                view = wired()
            except NotWired:
                return unwired(wired)
            return view(request)

    return respond


def is_health(method: str, path: str) -> bool:
    """Whether this is a probe. The function itself answers other methods on these paths."""
    return path in HEALTH and method in ("GET", "HEAD")


def health(wired: Once[T], path: str) -> Response:
    """The answer to a probe. `liveness` only says that the process answers."""
    if path == HEALTH[1] and not wired.ready():
        return unwired(wired)
    healthy = no_content()
    healthy.headers["X-Request-Id"] = new_request_id()
    return healthy


def unwired(wired: Once[T]) -> Response:
    """The 503 of a function that is still starting or whose wiring failed."""
    code, detail = ("starting", "The function is starting.")
    if wired.failed():
        code, detail = "wiring_failed", str(NotWired.__doc__)
    instance = new_request_id()
    headers = {"Retry-After": "1", "X-Request-Id": instance}
    return problems.problem(503, code, detail, instance=instance, headers=headers)
