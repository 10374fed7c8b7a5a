"""The fetch of the issuer's keys against hostile servers, and one verification end to end."""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from shared.domain.errors import RetryLater
from shared.runtime import keys
from shared.runtime.auth import Verifier
from shared.runtime.keys import fetch_document
from shared.testing.jwt import AUDIENCE, ISSUER, TestIssuer

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def _server(answer: Answer) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/auth/jwks?x=1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _says(status: int, body: bytes, **headers: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _drips(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        threading.Event().wait(0.02)


def test_a_token_is_verified_over_the_network():
    issuer = TestIssuer()
    with _server(_says(200, json.dumps(issuer.jwks).encode())) as url:
        assert Verifier(url, ISSUER, AUDIENCE).verify(issuer.token("u")).user_id == "u"


@pytest.mark.parametrize(
    "answer",
    [
        _says(404, b"{}"),
        _says(500, b"{}"),
        _says(302, b"", Location="http://127.0.0.1:1/elsewhere"),
        _says(200, b" " * 70_000),
        _drips,
        lambda _handler: threading.Event().wait(10),
    ],
    ids=["404", "500", "redirect", "too large", "drips", "silent"],
)
def test_a_bad_endpoint_is_a_passing_fault(answer, monkeypatch):
    monkeypatch.setattr(keys, "FETCH_SECONDS", 0.3)
    issuer = TestIssuer()
    with _server(answer) as url:
        with pytest.raises((ValueError, OSError)):
            fetch_document(url)
        with pytest.raises(RetryLater) as failed:
            Verifier(url, ISSUER, AUDIENCE).verify(issuer.token("u"))
    assert failed.value.code == "key_source_unreachable"


def test_nobody_listens():
    with pytest.raises(OSError):
        fetch_document("http://127.0.0.1:1/jwks")
