"""waitress's connections, with a time limit to receive a request and a limit of their number.

waitress gives a request to a thread only when all of it has arrived, so a half-sent one takes memory and a
place in Knative's containerConcurrency, but no thread; here is the limit for how long. `wsgi` runs the loop;
everything here runs in its thread, except `Channel.service`.
"""

import heapq
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask

from shared.runtime import clock, lifecycle, transport
from shared.runtime.http import RECEIVED_AT

_ACCEPTS_AT_ONCE = 64  # a turn of the loop takes the same time for one connection and for many


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Stores when a request was complete, and sends no `100 Continue` for a body that is already there.

    waitress decides about `100 Continue` when the head ends. With that a request without a body was marked
    as incomplete and never answered, and a body in the same packet was asked for again.
    """

    received_at = 0.0

    def received(self, data: bytes) -> int:
        used: int = super().received(data)
        if self.headers_finished and not self.completed and used < len(data):
            used += super().received(data[used:])
        if self.completed:
            self.expect_continue = False
            self.received_at = clock.monotonic()
        return used


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """Closes connections while draining, and keeps them open after an answer without a body.

    waitress closes after every 204, because it has no Content-Length (RFC 9112 §6.3 needs none); event
    functions answer almost every event with 204.
    """

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[RECEIVED_AT] = self.request.received_at
        return environ

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
    """Answers requests that the HTTP parser refuses with a problem, too."""

    def execute(self) -> None:
        status, _, _ = self.request.error.to_response(None)
        body = transport.problem_body(int(status.partition(" ")[0]))
        self.status = status
        self.response_headers.append(("Content-Type", transport.PROBLEM))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection. `since`: the time of its last answer, or of its beginning before the first. `began`:
    when the request that is being received began.
    """

    task_class = _Task
    error_task_class = _ErrorTask
    parser_class = _Parser

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: waitress's signature
        self.since = self.began = clock.monotonic()
        super().__init__(*args, **kwargs)

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.began = clock.monotonic()
        taken: bool = super().received(data)
        return taken

    def service(self) -> None:
        super().service()
        # Nothing is read while a request runs: the time of a next one, begun meanwhile, starts here.
        self.since = self.began = clock.monotonic()

    def idle(self) -> bool:
        """Whether nothing is received, running or left to send."""
        return self.waiting() and self.request is None

    def waiting(self) -> bool:
        """Whether the server waits for the client: nothing runs and nothing is left to send."""
        return not (self.requests or self.total_outbufs_len)

    def receiving(self) -> bool:
        """Whether a request has begun and is not complete."""
        return self.request is not None and self.waiting() and not self.close_when_flushed

    def refuse(self, status: int) -> None:
        """Answers from the loop, without a thread, and closes the connection."""
        with self.outbuf_lock:
            answer = transport.raw_problem(status)
            self.outbufs[-1].append(answer)
            self.total_outbufs_len += len(answer)
            self.close_when_flushed = True
        self.handle_write()


class Server(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """The listener and its connections."""

    channel_class = Channel
    _next_sweep = 0.0

    def handle_accept(self) -> None:
        """Accepts the connections that wait, several at once; then closes those above the limit."""
        for _ in range(_ACCEPTS_AT_ONCE):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                break
        self._shed()

    def patience(self) -> float:
        """How long the loop may sleep: deadlines are noticed within SWEEP_SECONDS."""
        receiving = any(channel.receiving() for channel in self.active_channels.values())
        return transport.SWEEP_SECONDS if receiving else 5.0

    def sweep(self) -> None:
        """Refuses requests that take too long to arrive. Called in every turn of the loop."""
        now = clock.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + transport.SWEEP_SECONDS
        for channel in list(self.active_channels.values()):
            if channel.receiving() and now - channel.began > transport.RECEIVE_SECONDS:
                channel.refuse(408)

    def stop_accepting(self) -> None:
        """Accepts the connections that the kernel has already established, then closes the listener."""
        for _ in range(transport.MAX_CONNECTIONS):
            before = len(self.active_channels)
            self.handle_accept()
            if len(self.active_channels) == before:
                break
        self.accepting = False
        self.del_channel()
        self.socket.close()

    def _shed(self) -> None:
        """Above MAX_CONNECTIONS, closes waiting connections whose last answer is the oldest; received bytes
        do not count.

        They close in the next turn of the loop. If they closed now, a connection accepted in this turn could
        get the same file descriptor, and an event of the old one would be taken for it.
        """
        if len(self.active_channels) <= transport.MAX_CONNECTIONS:
            return
        staying = [channel for channel in self.active_channels.values() if not channel.will_close]
        excess = len(staying) - transport.MAX_CONNECTIONS
        for channel in heapq.nsmallest(excess, filter(Channel.waiting, staying), key=lambda c: c.since):
            channel.will_close = True
