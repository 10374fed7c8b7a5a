"""The live-updates function behind a real uvicorn, and a client that reads server-sent events."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from functions.updates.app import Updates
from functions.updates.hub import Hub
from shared.db.repositories.feed import Feed
from shared.runtime.asgi_connections import Protocol, Received
from shared.runtime.transport import IDLE_SECONDS
from shared.testing.jwt import TestIssuer
from tests.answers import UPDATES

METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]
ORIGIN = "https://todo.example"


@dataclass
class Client:
    """One open stream."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse
    last_id: str = ""
    comments: list[str] = field(default_factory=list)

    def event(self) -> tuple[str, str] | None:
        """The next (event, data); None at the end of the stream. Blocks at most for the socket's timeout."""
        while (block := self.block()) is not None:
            if "data" in block:
                event = block.get("event", "message"), block["data"]
                UPDATES.check_event("/v1/stream", *event)
                return event
        return None

    def block(self) -> dict[str, str] | None:
        fields: dict[str, str] = {}
        while line := self.response.readline().decode():
            if line == "\n":
                self.last_id = fields.get("id", self.last_id)
                return fields
            name, _, value = line.rstrip("\n").partition(": ")
            if name == ":" or line.startswith(":"):
                self.comments.append(line.strip())
            else:
                fields[name] = value
        return None

    def close(self) -> None:
        self.response.close()
        self.connection.close()


@dataclass
class Server:
    """The function on loopback."""

    port: int
    issuer: TestIssuer
    hub: Hub
    reads: list[Any]
    connections: set[Any]  # those that the server holds
    clients: list[Client] = field(default_factory=list)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        UPDATES.check(method, urlsplit(path).path, response.status, response.headers, None)
        return connection, response

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        connection, response = self.request(method, path, body, **headers)
        text = response.read()
        UPDATES.check(method, urlsplit(path).path, response.status, response.headers, text)
        connection.close()
        return response, text

    def stream(self, user_id: str, *, query: str = "", exp: int | None = None, **headers: str) -> Client:
        """A stream of that user; its first block (the hello or a reset) is still to be read."""
        expiry = {} if exp is None else {"exp": exp}
        bearer = f"Bearer {self.issuer.token(user_id, **expiry)}"
        connection, response = self.request("GET", f"/v1/stream{query}", Authorization=bearer, **headers)
        assert response.status == 200, response.read()
        client = Client(connection, response)
        self.clients.append(client)
        return client


@pytest.fixture
def serve(uow: Callable[..., Any]) -> Iterator[Callable[..., Server]]:
    """`serve(interval=…)`: the function; `heartbeat` and `seconds` shorten its streams."""
    running: list[tuple[uvicorn.Server, threading.Thread, Server]] = []

    def start(*, interval: float = 0.05, heartbeat: float = 15.0, seconds: float = 570.0) -> Server:
        unit, issuer, reads = uow("api"), TestIssuer(), []

        def read(positions: Any) -> Any:
            reads.append(list(positions))
            with unit.sweep() as tx:
                return Feed(tx).read(positions)

        hub = Hub(read, interval=interval)
        function = Updates(
            hub, issuer.verifier().verify, origins=frozenset({ORIGIN}), heartbeat=heartbeat, seconds=seconds
        )
        app = Starlette(
            routes=[
                Route("/", function.respond, methods=METHODS),
                Route("/{path:path}", function.respond, methods=METHODS),
            ]
        )
        config = uvicorn.Config(
            Received(app),
            http=Protocol,
            log_config=None,
            lifespan="off",
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=2,
        )
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # the kernel hides little
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            thread.join(0.01)
        made = Server(listener.getsockname()[1], issuer, hub, reads, server.server_state.connections)
        running.append((server, thread, made))
        return made

    yield start
    for server, thread, made in running:
        for client in made.clients:
            client.close()
        server.should_exit = True
        thread.join(15)


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()
