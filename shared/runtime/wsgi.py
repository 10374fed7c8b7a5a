"""waitress in one process, with a drain of our own: accept, finish, close, in that order. Used by `serve`."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server
from waitress.task import ErrorTask, WSGITask

from shared.messaging.strict_json import dumps
from shared.runtime import clock, lifecycle
from shared.runtime.logging import get_logger
from shared.runtime.settings import Runner

FINISH_SECONDS = 30.0  # for requests in flight when accepting ends
MAX_HEADERS = 16_384
MAX_TRANSPORT_BODY = 4_194_304  # a backstop: the application refuses far smaller bodies by itself
MAX_CONNECTIONS = 1000
IDLE_SECONDS = 180  # longer than a Go proxy keeps idle connections (90 s), so that it closes first

log = get_logger(__name__)


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """Ends connections while draining, and keeps them after an answer without a body.

    waitress closes after every 204 because it has no Content-Length (RFC 9112 §6.3 needs none); event
    functions answer nothing else.
    """

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version != "1.1" or lifecycle.draining():
            super().set_close_on_finish()

    def build_response_header(self) -> bytes:
        if lifecycle.draining():
            super().set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class _ErrorTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """What the HTTP parser refuses is answered with a problem too."""

    def execute(self) -> None:
        status, _, _ = self.request.error.to_response(None)
        number, _, title = status.partition(" ")
        code = "http_" + number
        body = dumps({"type": f"/problems/{code}", "title": title, "status": int(number), "code": code})
        self.status = status
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body.encode())


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    task_class = _Task
    error_task_class = _ErrorTask

    def idle(self) -> bool:
        """Nothing received, running or left to send."""
        return not (self.requests or self.total_outbufs_len or self.request is not None)


def serve(app: Flask, settings: Runner) -> None:
    """Serves until a signal, then drains. Returns when the last answer is sent or time is up."""
    server = create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        ident=None,  # no Server header
        connection_limit=MAX_CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        recv_bytes=65_536,  # more than the headers may have: nothing is left unread, which would reset
        max_request_header_size=MAX_HEADERS,
        max_request_body_size=MAX_TRANSPORT_BODY,
        asyncore_use_poll=True,
        log_socket_errors=False,
    )
    server.channel_class = _Channel
    drain = _Drain(settings.drain_seconds, server.pull_trigger)
    log.info("listening", port=int(server.effective_port))
    lifecycle.listening()
    while not drain.over():
        _poll(server, drain.patience())
    _stop_accepting(server)
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
        self._wake()  # out of poll(), which Python resumes after a handler


def _poll(server: TcpWSGIServer, timeout: float) -> None:
    wasyncore.loop(timeout=timeout, use_poll=True, map=server._map, count=1)  # noqa: SLF001  # run() does the same


def _stop_accepting(server: TcpWSGIServer) -> None:
    """Takes what the kernel has already accepted for us, then closes the listener."""
    for _ in range(MAX_CONNECTIONS):
        before = len(server.active_channels)
        server.handle_accept()
        if len(server.active_channels) == before:
            break
    server.accepting = False
    server.del_channel()
    server.socket.close()


def _finish(server: TcpWSGIServer) -> None:
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
