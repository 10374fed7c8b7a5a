"""Looks at the sockets of its own process, for the functions of tests beside it."""

import contextlib
import os
import socket
from pathlib import Path


def nodelay(peer_port: int) -> bool:
    """Whether the connection from `peer_port` sends without waiting for acknowledgements."""
    for name in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name.name))) as found:
            if found.family == socket.AF_INET and found.getpeername()[1] == peer_port:
                return bool(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    raise LookupError(peer_port)
