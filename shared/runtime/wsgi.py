"""Serves a WSGI function with waitress in one process. Used by `serve`.

At a signal it drains: it accepts for a while, finishes the requests it has, then closes.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments

from shared.runtime import clock, lifecycle, transport
from shared.runtime.connections import Server
from shared.runtime.logging import get_logger
from shared.runtime.settings import Runner

FINISH_SECONDS = 20.0  # for requests in flight when accepting ends; the flush comes after, in the same grace
_BODY_IN_MEMORY = 65_536  # bytes of one request; the rest of a larger body waits in a file

log = get_logger(__name__)


def serve(app: Flask, settings: Runner) -> None:
    """Serves until a signal, then drains. Returns when the last answer is sent or time is up."""
    server = Server(app, adj=_adjustments(settings))
    drain = _Drain(settings.drain_seconds, server.pull_trigger)
    log.info("listening", port=int(server.effective_port))
    lifecycle.listening()
    while not drain.over():
        _poll(server, min(drain.patience(), server.patience()))
    server.stop_accepting()
    _finish(server)


class _Drain:
    """When to stop accepting: `seconds` after the first signal, at once after the second."""

    def __init__(self, seconds: float, wake: Callable[[], None]) -> None:
        self._seconds = seconds
        self._wake = wake
        self._end: float | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def over(self) -> bool:
        return self._end is not None and clock.monotonic() >= self._end

    def patience(self) -> float:
        """How long the event loop may sleep."""
        return 5.0 if self._end is None else min(0.05, max(0.0, self._end - clock.monotonic()))

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        first = self._end is None
        self._end = clock.monotonic() + (self._seconds if first else 0)
        lifecycle.begin_drain()
        log.info("draining", signal=signal.Signals(number).name, seconds=self._seconds if first else 0)
        self._wake()  # ends the poll(), which Python would otherwise resume after the handler


def _adjustments(settings: Runner) -> Adjustments:
    return Adjustments(
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        ident=None,  # no Server header
        connection_limit=2 * transport.MAX_CONNECTIONS,  # never reached: the server closes some before
        channel_timeout=transport.IDLE_SECONDS,
        recv_bytes=65_536,  # more than the headers may have: nothing is left unread, which would reset
        max_request_header_size=transport.MAX_HEADERS,
        max_request_body_size=transport.MAX_BODY + 1,  # waitress refuses what is as large as this
        inbuf_overflow=_BODY_IN_MEMORY,
        asyncore_use_poll=True,
        log_socket_errors=False,
    )


def _poll(server: Server, timeout: float) -> None:
    wasyncore.loop(timeout=timeout, use_poll=True, map=server._map, count=1)  # noqa: SLF001  # run() does the same
    server.sweep()


def _finish(server: Server) -> None:
    """Answers what was received, closes idle connections, waits for handlers."""
    deadline = clock.monotonic() + FINISH_SECONDS
    while clock.monotonic() < deadline:
        _poll(server, 0.02)
        channels: list[Any] = list(server.active_channels.values())
        for channel in channels:
            if channel.idle():
                channel.will_close = True
        if not channels:
            break
    left = len(server.active_channels)
    if left:
        log.error("giving up on unfinished requests", connections=left, seconds=FINISH_SECONDS)
    server.task_dispatcher.shutdown(timeout=1)
