"""Ports of the loopback interface for servers that tests start.

A port that the kernel has chosen (port 0) can be given to another process or to an outgoing connection as
soon as the socket is closed, so that parallel tests got the same one. These ports are below the range of
outgoing connections, and a locked file keeps a block of them for one process until it ends.
"""

import contextlib
import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

_FIRST, _LAST, _BLOCK = 12_000, 32_000, 4
_held: list[IO[str]] = []  # open files: their locks go with the process


def reserve() -> int:
    """A port that nobody listens on, with three more after it, for this process alone."""
    directory = Path(tempfile.gettempdir()) / "taskflow-test-ports"
    directory.mkdir(exist_ok=True)
    blocks = range(_FIRST, _LAST, _BLOCK)
    for port in random.Random().sample(blocks, len(blocks)):
        lock = (directory / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _all_free(port)
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return port
    raise AssertionError("no free ports")


def _all_free(first: int) -> None:
    with contextlib.ExitStack() as stack:
        for port in range(first, first + _BLOCK):
            stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
