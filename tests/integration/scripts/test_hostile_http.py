"""Whatever bytes a client writes to a listener of the platform: an answer of 4xx, within bounds."""

import contextlib
import http.client
import json
import socket

import pytest

from scripts.local.asgi import BODY_LIMIT
from tests.integration.scripts.platform_under_test import Manifests, platform

RUNNER = "[python, -m, shared.runtime.serve]"  # as every real function; the backstop for bodies is its own
GATEWAY, INNER, STATUS = range(3)
RECORDS, SINK = "/records", "/sink/todo-app/things-dlq"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    manifests = Manifests(root / "manifests")
    manifests.service("web", command=RUNNER)
    manifests.sink("things-dlq")
    with platform(manifests, root / "home") as found:
        yield found


def speak(running, listener: int, sent: bytes, *, more: bytes = b"", host: bool = True) -> tuple[int, bytes]:
    """Status and body of the answer to raw bytes; 0 when the connection ends without one."""
    with socket.create_connection(("127.0.0.1", running.port + listener), timeout=30) as connection:
        with contextlib.suppress(ConnectionError):  # refused before the end; the answer is there all the same
            connection.sendall(sent.replace(b"\r\n", b"\r\nHost: localhost\r\n", 1) if host else sent)
            connection.sendall(more)
        return answer_on(connection)


def answer_on(connection: socket.socket) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return response.status, response.read()
    except (http.client.HTTPException, ConnectionError):
        return 0, b""


HEADS = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "NUL in the path": b"GET /v1/\x00 HTTP/1.1\r\nConnection: close\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "a head without end": b"GET / HTTP/1.1\r\nX: " + b"x" * 400_000 + b"\r\n\r\n",
    "a line without end": b"GET /" + b"x" * 400_000 + b" HTTP/1.1\r\n\r\n",
    "negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length in words": b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a length of 24 digits": b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 24 + b"\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk of no size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk of 24 digits": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 24 + b"\r\n",
    "another coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
}


@pytest.mark.parametrize("listener", [GATEWAY, INNER, STATUS])
@pytest.mark.parametrize("name", HEADS)
def test_a_malformed_request_is_refused(running, listener, name):
    status, _ = speak(running, listener, HEADS[name])
    assert 400 <= status < 500, status


@pytest.mark.parametrize(
    "host", ["", "\xff\xfe", "a" * 300 + ".todo-app.localhost", "x y", "[::1", "..", "a\tb"]
)
def test_any_host_is_answered(running, host):
    request = b"GET / HTTP/1.1\r\nHost: " + host.encode("latin-1") + b"\r\nConnection: close\r\n\r\n"
    assert 200 <= speak(running, GATEWAY, request, host=False)[0] < 500
    assert 400 <= speak(running, INNER, request, host=False)[0] < 500


LARGE = [
    ("gateway", GATEWAY, "/"),
    ("service", INNER, "/web/"),
    ("records", INNER, RECORDS),
    ("sink", INNER, SINK),
]


@pytest.mark.parametrize(
    ("listener", "path"), [place[1:] for place in LARGE], ids=[place[0] for place in LARGE]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_413_with_a_problem(running, listener, path, chunked):
    size = BODY_LIMIT + 70_000
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    head = b"POST %s HTTP/1.1\r\nContent-Type: application/json\r\n%s\r\n\r\n" % (path.encode(), framing)
    piece = b"x" * 65_536
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for _ in range(size // len(piece) + 1))
    status, answer = speak(running, listener, head, more=body + b"0\r\n\r\n" if chunked else b"x" * size)
    assert (status, json.loads(answer or b"{}").get("code")) == (413, "body_too_large")


@pytest.mark.parametrize("listener", [GATEWAY, INNER])
def test_a_body_that_is_expected_and_never_sent_ends(running, listener):
    expecting = b"POST /web/ HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port + listener), timeout=30) as connection:
        connection.sendall(expecting.replace(b"\r\n", b"\r\nHost: localhost\r\n", 1))
        assert answer_on(connection)[0] == 408  # behind the 100 that was asked for


@pytest.mark.parametrize(
    "query", ["offset=" + "9" * 24, "offset=-1", "limit=%D9%A3", "limit=1e3", "partition=7"]
)
def test_numbers_of_the_status_listener_are_read_strictly(running, query):
    status, body = speak(
        running, STATUS, f"GET /topics/things-dlq?{query} HTTP/1.1\r\nConnection: close\r\n\r\n".encode()
    )
    assert status in (400, 404), body


def test_many_half_requests_hold_nobody_up(running):
    half = [b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nab", b"GET / HTTP/1.1\r\nHo"]
    held = [socket.create_connection(("127.0.0.1", running.port), timeout=30) for _ in range(200)]
    try:
        for number, connection in enumerate(held):
            connection.sendall(half[number % 2])
        for _ in range(20):
            assert speak(running, GATEWAY, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")[0] == 200
        still = [connection for connection in held if not _ended(connection)]
        assert len(still) > 100, "the requests were answered while the others were still held open"
    finally:
        for connection in held:
            connection.close()


def _ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
