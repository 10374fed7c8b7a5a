"""The runner: one process, a drain that fails nobody, hostile transports."""

import http.client
import json
import socket
import threading
import time

import psutil
import pytest

from tests.integration.shared.runtime.conftest import FRAMEWORK, SERVE


def test_a_function_is_served_by_one_process(start):
    process = start("hello")
    status, headers, body = process.request("GET", "/")
    assert (status, json.loads(body)) == (200, {"hello": "world"})
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers
    assert psutil.Process(process.process.pid).children() == []
    assert process.terminate() == 0
    assert process.messages()[-1] == "stopped"


def test_health_needs_no_body_and_keeps_the_connection(start):
    process = start("hello")
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/health/liveness")
        response = connection.getresponse()
        assert (response.status, response.read()) == (204, b"")
        assert response.getheader("Content-Type") is None
        assert connection.sock is not None  # closed by http.client when the server says so
    connection.close()


class Load:
    """Clients that ask all the time, on kept and on new connections, until told to stop."""

    def __init__(self, port: int, *, clients: int = 6) -> None:
        self._port, self._stop = port, threading.Event()
        self.done, self.failed = [0] * clients, []
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        keep = number % 2 == 0
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/echo", b'{"a":1}', {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                assert response.status == 200
                self.done[number] += 1
            except Exception as error:  # noqa: BLE001  # any of them is a failed request
                self.failed.append(repr(error))
            if not keep:
                connection.close()
        connection.close()


@pytest.mark.parametrize("cycle", range(3))
def test_sigterm_under_load_fails_no_request(start, cycle):
    process = start("hello", DRAIN_SECONDS="1.5")
    load, slow = Load(process.port), []
    clients = [
        threading.Thread(target=lambda: slow.append(process.request("GET", "/slow?seconds=2.5")[0]))
        for _ in range(2)
    ]
    time.sleep(0.3)
    process.process.terminate()
    for client in clients:  # after the signal, still accepted, longer than the drain
        client.start()
    time.sleep(0.7)
    before = sum(load.done)
    time.sleep(0.2)
    assert sum(load.done) > before, "requests must be served while draining"
    load.stop()  # as the endpoint is gone from the mesh
    for client in clients:
        client.join()
    assert process.process.wait(40) == 0
    assert load.failed == []
    assert slow == [200, 200]
    assert process.messages()[-1] == "stopped"


def test_connections_are_told_to_end_while_draining(start):
    process = start("hello", DRAIN_SECONDS="5")
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    connection.request("GET", "/")
    first = connection.getresponse()
    first.read()
    assert first.getheader("Connection") is None
    process.process.terminate()
    while "draining" not in process.messages():
        time.sleep(0.02)
    connection.request("GET", "/")
    second = connection.getresponse()
    second.read()
    assert (second.status, second.getheader("Connection")) == (200, "close")
    connection.close()
    process.process.terminate()  # twice: at once
    assert process.process.wait(3) == 0


def test_idle_connections_do_not_hold_the_process(start):
    process = start("hello", DRAIN_SECONDS="0.1")
    idle = socket.create_connection(("127.0.0.1", process.port))
    process.request("GET", "/")
    assert process.terminate(timeout=10) == 0
    idle.close()


def test_stop_callbacks_run_after_the_last_answer(start, tmp_path):
    marker = tmp_path / "flushed"
    process = start("flushing", MARKER=str(marker))
    process.request("POST", "/")
    assert not marker.exists()
    assert process.terminate() == 0
    assert marker.read_text() == "flushed"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"x" * 20_000 + b"\r\n\r\n", b"431"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"BROKEN\r\n\r\n", b"400"),
    ],
)
def test_what_is_not_http_is_a_problem_too(start, sent, status):
    process = start("hello")
    with socket.create_connection(("127.0.0.1", process.port), timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == int(status)
    assert b"waitress" not in answer


def test_a_chunked_body_above_the_limit(start):
    process = start("hello")
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    connection.request(
        "POST", "/echo", iter([b" " * 1000] * 70), {"Content-Type": "application/json"}, encode_chunked=True
    )
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["code"] == "body_too_large"
    connection.close()


def test_a_bad_deployment_dies_at_once_and_says_everything(start):
    process = start("hello", wait=False, FUNCTION_TARGET="", THREADS="0", PORT="http")
    assert process.process.wait(20) == 1
    text = process.log.read_text()
    for name in ("FUNCTION_TARGET", "THREADS", "PORT"):
        assert name in text
    assert "Traceback" not in text


def test_an_asgi_function_drains_its_streams(start):
    process = start("streams")
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=15)
    connection.request("GET", "/stream")
    response = connection.getresponse()
    assert response.read(8) == b": tick\n\n"
    process.process.terminate()
    assert process.request("GET", "/x")[0] == 204  # still accepting
    assert response.read().endswith(b"event: end\n\n")
    connection.close()
    assert process.process.wait(20) == 0


def test_a_crash_is_logged_without_its_values(start):
    process = start("hello")
    status, _, body = process.request("GET", "/crash", headers={"X-Request-Id": "req-7"})
    assert (status, json.loads(body)["instance"]) == (500, "req-7")
    text = process.log.read_text()
    assert "canary" not in text
    assert any("exception" in line and line.get("request_id") == "req-7" for line in process.lines())


@pytest.mark.parametrize("command", [SERVE, FRAMEWORK], ids=["serve", "framework"])
def test_a_function_whose_wiring_fails_is_alive_never_ready_and_says_so(start, command):
    process = start("broken", command=command)
    for _ in range(3):
        for method, path in (("GET", "/health/readiness"), ("GET", "/v1/tasks"), ("POST", "/")):
            status, headers, body = process.request(method, path)
            assert (status, headers["Content-Type"]) == (503, "application/problem+json")
            assert json.loads(body)["code"] in ("starting", "wiring_failed")
            assert headers["Retry-After"]
            assert b"canary" not in body
        time.sleep(0.5)
    assert process.request("GET", "/health/liveness")[0] == 204
    assert json.loads(process.request("GET", "/health/readiness")[2])["code"] == "wiring_failed"
    assert "wiring failed, not ready" in process.log.read_text()


def test_what_the_framework_answers_by_itself_is_a_problem_too(start):
    status, headers, body = start("hello").request("PROPFIND", "/")
    assert (status, headers["Content-Type"]) == (405, "application/problem+json")
    assert json.loads(body)["code"] == "method_not_allowed"
