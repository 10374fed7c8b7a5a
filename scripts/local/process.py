"""One process of a function: start, wait until ready, stop. Used by revision.py only."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scripts.local.http_client import Broken, Request, connect
from scripts.local.state import PROJECT

HOST = "127.0.0.1"
START_SECONDS = 60.0
GRACE_SECONDS = 15.0
START_MARK = "--- start "
_LOG_LIMIT = 8 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
# The variables of the developer's environment that a process needs; all others come from the manifest.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "SSL_CERT_FILE",
    "LD_LIBRARY_PATH",
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
    "FAILPOINTS",  # where the end-to-end tests crash a function
)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartFailed(Exception):
    """The process ended or was not ready in time; the message carries the end of its log."""


@dataclass(frozen=True)
class Launch:
    """What to run: the manifest's command, the environment, where its output goes."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    readiness: str
    log: Path


class FunctionProcess:
    """A started process on a port of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self._process = process
        self._log = log
        self.port = port

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for its exit code (negative: the signal); then end the processes that it started."""
        code = await self._process.wait()
        self._signal(signal.SIGKILL)
        return code

    async def ready(self, path: str) -> None:
        """Returns as soon as the readiness path answers 200 to 399; StartFailed otherwise."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.alive:
                raise StartFailed(
                    f"the process ended with code {self._process.returncode} before it was ready; "
                    f"log {self._log}:\n{tail(self._log, last_start=True)}"
                )
            if await self.answers(path):
                return
            await asyncio.sleep(0.02)
        raise StartFailed(
            f"not ready after {START_SECONDS:.0f} s at {path}; "
            f"log {self._log}:\n{tail(self._log, last_start=True)}"
        )

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace period; to the whole process group."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), GRACE_SECONDS)
        self._signal(signal.SIGKILL)  # also what the process may have left in its group
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def answers(self, path: str) -> bool:
        """Whether a GET of `path` is answered with 200 to 399 within 2 s."""
        try:
            async with asyncio.timeout(2):
                exchange = await connect(HOST, self.port)
                try:
                    await exchange.start(Request("GET", path.encode(), [(b"host", b"localhost")]))
                    return 200 <= exchange.status < 400
                finally:
                    await exchange.close()
        except (Broken, TimeoutError):
            return False


async def launch(what: Launch) -> FunctionProcess:
    """Starts the process; it is not ready yet."""
    port = _free_port()
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    first, *rest = what.command
    command = [sys.executable if first in ("python", "python3") else first, *rest]
    with _log(what.log, command) as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=PROJECT,
                env={**inherited, "PYTHONUNBUFFERED": "1", **what.env, "PORT": str(port), "HOST": HOST},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_the_platform,  # one C call: no locks, no threads in the child
            )
        except OSError as error:
            raise StartFailed(f"cannot run {command[0]!r}: {error.strerror}") from error
    return FunctionProcess(process, port, what.log)


def _log(path: Path, command: list[str]) -> BinaryIO:
    """The open log, rotated once it is large, with a line that marks the start."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    output = path.open("ab", buffering=0)
    with contextlib.suppress(OSError):  # a function starts also when the disk is full
        output.write(f"{START_MARK}{time.strftime('%H:%M:%S')} {' '.join(command)}\n".encode())
    return output


def tail(log: Path, limit: int = 2000, *, last_start: bool = False) -> str:
    """The last lines of a log; with `last_start` only those of the newest process."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
            text = file.read().decode(errors="replace")
        return text[text.rfind(START_MARK) :].strip() if last_start else text.strip()
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_the_platform() -> None:
    """In the child: kill -9 of the platform ends its functions too (elsewhere the next start does)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
