"""Keeps the embedded PostgreSQL running: checks it, starts it again, tells the status page.

Opened and closed by `composition` with the rest. In a cluster an operator or a provider does this.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
PAUSE_SECONDS = 5.0  # after a start that failed


class Revivable(Protocol):
    """The server to keep running (`EmbeddedPostgres`)."""

    def revive(self) -> bool:
        """Starts it if it has ended; True when it had. Raises when it does not start."""
        ...


class Database:
    """`report` gets one line for every restart and for every failure."""

    def __init__(self, server: Revivable, *, report: Callable[[str], None]) -> None:
        self._server, self._report = server, report
        self._state, self._restarts = "ready", 0
        self._last_restart: str | None = None
        self._error: str | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="database")

    async def close(self) -> None:
        """Stops checking; the server itself is stopped by run.py."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def status(self) -> dict[str, object]:
        return {
            "state": self._state,
            "restarts": self._restarts,
            "last_restart": self._last_restart,
            "last_error": self._error,
        }

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS if self._state == "ready" else PAUSE_SECONDS)
            await self._look()

    async def _look(self) -> None:
        try:
            # In a thread: a start takes a second, and everything else goes on meanwhile.
            revived = await asyncio.to_thread(self._server.revive)
        except Exception as error:  # any error is shown, and the start is tried again
            log.exception("PostgreSQL does not start")
            self._state, self._error = "down", str(error)
            self._report(f"PostgreSQL has ended and does not start: {error}")
            return
        self._state, self._error = "ready", None
        if revived:
            self._restarts += 1
            self._last_restart = datetime.now(UTC).isoformat(timespec="seconds")
            self._report("PostgreSQL had ended and was started again")
