"""A JWKS endpoint on loopback for processes that verify tokens; the issuer is the local platform's."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

from scripts.local.issuer import Issuer, issuer


@contextlib.contextmanager
def served(directory: Path) -> Iterator[tuple[Issuer, str]]:
    """The issuer and the URL of its keys, while the block runs."""
    signer = issuer(directory)
    body = json.dumps(dict(signer.jwks)).encode()

    class Keys(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield signer, f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
