"""Runs one Service: starts its process for a request, ends it when idle, and holds requests meanwhile.

gateway.py and destinations.py send requests here. It does the work of Knative's activator, queue-proxy and
autoscaler for one Service.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from scripts.local.http_client import Broken, Exchange, Request, connect
from scripts.local.model import Service
from scripts.local.process import HOST, FunctionProcess, Launch, StartFailed, launch

PROBE_SECONDS = 2.0


class Refused(Exception):
    """The platform itself has to answer, not the Service: status, stable code, reason."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class Revision:
    """At most one serving process; an old one may still be draining beside it."""

    def __init__(
        self,
        service: Service,
        what: Launch,
        *,
        scale_to_zero: bool,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.service = service
        self._what = what
        self._scale_to_zero = scale_to_zero
        self._changed = changed
        self._process: FunctionProcess | None = None
        self._starting: asyncio.Task[FunctionProcess] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._draining: set[FunctionProcess] = set()
        self._slots = asyncio.Semaphore(service.concurrency) if service.concurrency else None
        self._idle_since = time.monotonic()
        self._in_flight = self._queued = self._starts = 0
        self._cold_ms: float | None = None
        self._error: str | None = None
        self._failed = False  # the last start
        self._unready: str | None = None
        self._probed = 0.0

    @contextlib.asynccontextmanager
    async def exchange(self, request: Request) -> AsyncIterator[Exchange]:
        """The response of the Service, headers ready. Refused if the platform has to answer instead.

        Leaving the block ends the connection and frees the slot.
        """
        if self._unready is not None:
            raise Refused(503, "not_ready", f"{self.service.name}: {self._unready}")
        deadline = asyncio.get_running_loop().time() + self.service.timeout
        async with self._slot(deadline):
            exchange = await self._connected(deadline)
            try:
                exchange.deadline = deadline
                await self._start(exchange, request, deadline)
                yield exchange
            finally:
                await exchange.close()

    async def body(self, exchange: Exchange) -> AsyncIterator[bytes]:
        """The body within timeoutSeconds of the request's arrival and idleTimeoutSeconds; Refused cuts it."""
        pieces = exchange.body()
        while True:
            try:
                async with asyncio.timeout_at(self._next_limit(exchange.deadline)):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Refused(504, "timeout", f"{self.service.name}: cut after timeoutSeconds") from None
            except Broken as error:
                raise Refused(502, "broken", f"{self.service.name}: {error}") from error
            yield piece

    async def start(self) -> FunctionProcess:
        """The serving process, started if need be; concurrent callers share one start."""
        if self._process is not None and self._process.alive:
            return self._process
        if self._starting is None:
            self._starting = asyncio.create_task(self._boot())
            self._starting.add_done_callback(self._booted)
        return await asyncio.shield(self._starting)

    async def to_zero(self) -> bool:
        """Ends the process now and waits for it; False if there was none."""
        process, self._process = self._process, None
        self._unready = None
        if process is not None:
            self._drain(process)
        await asyncio.gather(*self._ending)
        return process is not None

    async def close(self) -> None:
        """Ends all processes, also one that is starting."""
        if self._starting is not None:
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError, StartFailed):
                await self._starting
        await self.to_zero()

    async def probe(self) -> None:
        """Ask the serving process whether it is ready, every PROBE_SECONDS; called once in a while.

        One that is not gets no requests and is shown so, as a pod that left its Service, until it is again.
        """
        process, now = self._process, time.monotonic()
        if process is None or not process.alive or now - self._probed < PROBE_SECONDS:
            return
        self._probed = now
        answered = await process.answers(self._what.readiness)
        if self._process is process:
            unready = None if answered else f"{self._what.readiness} of process {process.pid} fails"
            if unready and self._unready is None:
                self._error = unready
            self._unready = unready

    def reap(self) -> None:
        """To zero if idle for long enough; called once in a while."""
        busy = self._in_flight or self._queued or self._starting is not None
        idle = time.monotonic() - self._idle_since
        if self._process is None or busy or self.service.min_scale or not self._scale_to_zero:
            return
        if idle >= self.service.idle:
            process, self._process = self._process, None
            self._drain(process)

    def pids(self) -> list[int]:
        """Every living process, the serving one first."""
        current = [self._process] if self._process is not None else []
        return [process.pid for process in [*current, *self._draining] if process.alive]

    def status(self) -> dict[str, object]:
        serving = self._process is not None and self._process.alive
        return {
            "public": self.service.public,
            "scale": int(serving),
            "state": self._state(serving=serving),
            "pids": self.pids(),
            "port": self._process.port if self._process is not None and serving else None,
            "in_flight": self._in_flight,
            "queued": self._queued,
            "starts": self._starts,
            "cold_start_ms": self._cold_ms,
            "idle_after_s": self.service.idle,
            "log": str(self._what.log),
            "last_error": self._error,
        }

    def _state(self, *, serving: bool) -> str:
        if self._starting:
            return "starting"
        if serving:
            return "ready" if self._unready is None else "not ready"
        return "failed" if self._failed else "zero"

    @contextlib.asynccontextmanager
    async def _slot(self, deadline: float) -> AsyncIterator[None]:
        """A place of containerConcurrency; waits for one in the order of arrival."""
        slots = self._slots or contextlib.nullcontext()
        self._queued += 1
        try:
            async with asyncio.timeout_at(deadline):
                await slots.__aenter__()
        except TimeoutError:
            raise Refused(
                504, "timeout", f"{self.service.name}: no free slot within timeoutSeconds"
            ) from None
        finally:
            self._queued -= 1
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._idle_since = time.monotonic()
            await slots.__aexit__(None, None, None)

    async def _connected(self, deadline: float) -> Exchange:
        """A connection to a living process; nothing was sent yet, so a second try is safe."""
        for last in (False, True):
            try:
                async with asyncio.timeout_at(deadline):
                    process = await self.start()
                    return await connect(HOST, process.port)
            except TimeoutError:
                raise Refused(
                    504, "timeout", f"{self.service.name}: not started within timeoutSeconds"
                ) from None
            except StartFailed as error:
                # Its first and last line; the traceback between them is for the status page, not for clients.
                lines = [line for line in str(error).splitlines() if line]
                summary = " ".join(dict.fromkeys([lines[0], lines[-1]]))
                raise Refused(503, "start_failed", f"{self.service.name}: {summary}") from None
            except Broken as error:
                if last:
                    raise Refused(502, "broken", f"{self.service.name}: {error}") from error
                await asyncio.sleep(0.05)  # it is ending right now, and its exit is noticed in a moment
        raise AssertionError("unreachable")

    async def _start(self, exchange: Exchange, request: Request, deadline: float) -> None:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(deadline, now + self.service.response_start)):
                await exchange.start(request)
        except TimeoutError:
            raise Refused(504, "timeout", f"{self.service.name}: no answer within timeoutSeconds") from None
        except Broken as error:
            raise Refused(502, "broken", f"{self.service.name}: {error}") from error

    def _next_limit(self, end: float) -> float:
        idle = self.service.idle_timeout
        return min(end, asyncio.get_running_loop().time() + idle) if idle else end

    async def _boot(self) -> FunctionProcess:
        began = time.monotonic()
        process = await launch(self._what)
        self._draining.add(process)  # known (and ended with the platform) even before it is ready
        self._changed()
        try:
            await process.ready(self._what.readiness)
        except BaseException:
            self._drain(process)
            raise
        self._draining.discard(process)
        self._cold_ms = round((time.monotonic() - began) * 1000, 1)
        self._starts += 1
        self._error = self._unready = None
        self._failed = False
        self._process = process
        self._idle_since = time.monotonic()
        self._watch(process)
        return process

    def _booted(self, start: asyncio.Task[FunctionProcess]) -> None:
        self._starting = None
        if not start.cancelled() and (error := start.exception()) is not None:
            self._error, self._failed = str(error), True

    def _watch(self, process: FunctionProcess) -> None:
        async def watch() -> None:
            code = await process.wait()
            if self._process is process:
                self._process, self._unready = None, None
                self._error = f"the process {process.pid} ended by itself with code {code}"
                self._changed()

        self._keep(watch())

    def _drain(self, process: FunctionProcess) -> None:
        async def drain() -> None:
            self._draining.add(process)
            await process.stop()
            self._draining.discard(process)
            self._changed()

        self._keep(drain())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
