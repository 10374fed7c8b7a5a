"""Sockets that do not finish their requests: they are refused in time, and nobody waits for them."""

import contextlib
import http.client
import json
import re
import selectors
import socket
import statistics
import time
from collections.abc import Iterator

import pytest

from shared.runtime import transport

RUNNERS = {"waitress": "hello", "uvicorn": "greeting"}
FLOOD = 200
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HALVES = {
    "half a body": (HEAD + b"Content-Length: 60000\r\n\r\n{", b""),
    "a body in slow chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"1\r\n \r\n"),
    "half a head": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"),
    "no body after 100-continue": (HEAD + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n", b""),
    "nothing": (b"", b""),
}


@pytest.fixture(params=RUNNERS)
def process(request, start):
    return start(RUNNERS[request.param], THREADS="4")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


@contextlib.contextmanager
def flood(port: int, number: int, first: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(port)) for _ in range(number)]
        for each in held:
            each.sendall(first)
        yield held


def ask(port: int) -> float:
    """Seconds for one honest request with a body on a connection of its own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/echo", b'{"a": 1}', {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    response.read()
    connection.close()
    return time.monotonic() - began


def received(held: socket.socket, *, until: float) -> bytes:
    """Everything up to the end of the connection."""
    answer = b""
    held.settimeout(max(0.1, until - time.monotonic()))
    while chunk := held.recv(65536):
        answer += chunk
    return answer


@pytest.mark.parametrize("kind", HALVES)
def test_others_are_answered_while_many_requests_never_end(process, kind, record_property):
    first, more = HALVES[kind]
    with flood(process.port, FLOOD, first) as held:
        times = []
        for _ in range(40):
            times.append(ask(process.port))
            for each in held if more else ():
                each.sendall(more)
        # Every one of them is still open: whoever waited for one would have waited for its deadline.
        assert_still_open(held)
        assert max(times) < transport.RECEIVE_SECONDS / 2
        record_property("p99_ms", round(statistics.quantiles(times, n=100)[98] * 1000, 1))


def assert_still_open(held: list[socket.socket]) -> None:
    with selectors.DefaultSelector() as selector:
        for each in held:
            selector.register(each, selectors.EVENT_READ)
        answers = [key.fileobj.recv(65536) for key, _ in selector.select(0)]
    assert all(answer.startswith(b"HTTP/1.1 100") for answer in answers)


def test_what_takes_too_long_to_arrive_is_refused_and_closed(process):
    """All kinds at once; those that go on dribbling have no more time than the others."""
    kinds = {kind: parts for kind, parts in HALVES.items() if kind != "nothing"}
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        held = {kind: stack.enter_context(connect(process.port)) for kind in kinds}
        for kind, (first, _) in kinds.items():
            held[kind].sendall(first)
        while time.monotonic() < began + transport.RECEIVE_SECONDS - 1:
            for kind, (_, more) in kinds.items():
                held[kind].sendall(more)
            time.sleep(0.5)
        for kind, each in held.items():
            answer = received(each, until=began + transport.RECEIVE_SECONDS + 15)
            answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").removeprefix(
                b"HTTP/1.1 100 \r\n\r\n"
            )
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 "), (kind, answer)
            assert b"application/problem+json" in head
            assert b"connection: close" in head.lower()
            assert json.loads(body)["code"] == "request_timeout"
    assert ask(process.port) < transport.RECEIVE_SECONDS


def test_a_request_in_pieces_within_the_time_is_served(process):
    with connect(process.port) as held:
        for piece in (b"POST /echo HTT", b"P/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-",
                      b"Length: 7\r\n\r\n{", b'"a":1', b"}"):  # fmt: skip
            held.sendall(piece)
            time.sleep(0.1)
        assert held.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_expects_continue_without_a_body_is_answered(process):
    for length in (b"", b"Content-Length: 0\r\n"):
        with connect(process.port) as held:
            held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + length + b"\r\n")
            assert held.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_there_is_not_asked_for(process):
    with connect(process.port) as held:
        held.sendall(HEAD + b'Expect: 100-continue\r\nContent-Length: 7\r\n\r\n{"a":1}')
        assert held.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_waits_for_continue_is_asked_for_once(process):
    with connect(process.port) as held:
        held.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 7\r\n\r\n")
        asked = held.recv(65536)
        assert re.fullmatch(rb"HTTP/1\.1 100 (Continue)?\r\n\r\n", asked)
        held.sendall(b'{"a":1}')
        assert held.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_will_be_refused_is_not_asked_for(start):
    process = start("hello")
    with connect(process.port) as held:
        held.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        assert held.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_flood_of_connections_sheds_the_oldest_idle_ones(process):
    """More than the process holds: half heads, and nothing at all. Honest connections survive by working."""
    honest = http.client.HTTPConnection("127.0.0.1", process.port, timeout=20)
    number = transport.MAX_CONNECTIONS // 2 + 60
    with (
        flood(process.port, number, b"") as silent,
        flood(process.port, number // 2, b"GET / HT"),
        flood(process.port, number // 2, HALVES["half a body"][0]),
    ):
        for _ in range(5):
            honest.request("GET", "/")
            assert honest.getresponse().read()
            assert ask(process.port) < transport.RECEIVE_SECONDS / 2
        gone = 0
        for each in silent[:60]:
            each.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                gone += each.recv(1) == b""
        assert gone > 0, "the oldest go first"
    honest.close()


def test_accepted_connections_do_not_wait_for_acknowledgements(process):
    status, _, body = process.request("GET", "/nodelay")
    assert (status, json.loads(body)) == (200, True)
