"""Faults between a function and its database: a wire that can fall silent, and a server that stands still.

Used by the suites that show what becomes of requests then. A silent wire closes nothing: to both ends it
looks like a host that vanished (half-open TCP), or a proxy that has stopped forwarding.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from scripts.local.postgres import EmbeddedPostgres


class Wire:
    """Forwards connections on a loopback port to the Unix socket of an embedded PostgreSQL."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        (folder,) = parse_qs(parts.query)["host"]
        self._target = f"{folder}/.s.PGSQL.5432"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._dead: set[int] = set()  # connections that stay silent for good, by number
        self._count = 0
        self.round_trips = 0  # how often a client has spoken after the server had
        self.dsn = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{self.port}{parts.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        found: int = self._listener.getsockname()[1]
        return found

    def cut(self) -> None:
        """Forward nothing any more, on old connections and new ones."""
        self._flowing.clear()

    def mend(self) -> None:
        self._flowing.set()

    def lose_connections(self) -> None:
        """What is connected now stays silent for ever; new connections work."""
        self._dead = set(range(self._count))

    def close(self) -> None:
        self.mend()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client, self._count), daemon=True).start()
            self._count += 1

    def _forward(self, client: socket.socket, number: int) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            self._flowing.wait()
            server.connect(self._target)
            spoke = False  # the client, last
            while True:
                ready, _, _ = select.select([client, server], [], [])
                self._flowing.wait()
                if number in self._dead:
                    threading.Event().wait()
                for end in ready:
                    data = end.recv(65_536)
                    if not data:
                        return
                    self.round_trips += end is client and not spoke
                    spoke = end is client
                    (server if end is client else client).sendall(data)


@contextlib.contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    """Every process of the server is stopped (SIGSTOP) inside the block."""
    main = int((server.cluster / "postmaster.pid").read_text().splitlines()[0])
    os.kill(main, signal.SIGSTOP)  # first: it can start no more sessions
    stopped = [main, *_children(main)]
    for pid in stopped[1:]:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True)
    pairs = (line.split() for line in listed.stdout.splitlines())
    return [int(pid) for pid, ppid in pairs if int(ppid) == parent]
