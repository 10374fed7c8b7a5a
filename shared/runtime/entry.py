"""How a `main.py` defers its wiring: built once, by whoever needs it first. Health needs nothing of it.

`serve` starts building as soon as it listens, while Knative still spreads the word that the process is
ready; under plain functions-framework the first request builds.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from flask import Request, Response

from shared.runtime import lifecycle
from shared.runtime.http import HEALTH, View, new_request_id, no_content

T = TypeVar("T")


class Once(Generic[T]):
    """`build()` once, however many threads ask at once; a build that raises is tried again by the next."""

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._built: T | None = None
        lifecycle.on_listening(self)

    def __call__(self) -> T:
        if self._built is None:
            with self._lock:
                if self._built is None:
                    self._built = self._build()
        return self._built


def deferred(build: Callable[[], View]) -> View:
    """The view that `build` makes, with health answered before it exists."""
    wired = Once(build)

    def respond(request: Request) -> Response:
        if request.path in HEALTH and request.method in ("GET", "HEAD"):
            healthy = no_content()
            healthy.headers["X-Request-Id"] = new_request_id()
            return healthy
        return wired()(request)

    return respond
