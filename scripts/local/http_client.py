"""One HTTP/1.1 exchange with a process on loopback, streaming both ways; used by revision.py.

Every exchange has its own connection: on loopback that takes 0.1 ms and avoids the races of reused
connections. The caller sets timeouts (asyncio.timeout).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import h11

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
RawHeaders = list[tuple[bytes, bytes]]


class Broken(Exception):
    """The other side refused the connection, closed it early or does not speak HTTP/1.1."""


@dataclass(frozen=True)
class Request:
    """A request to forward; `headers` without hop-by-hop ones, `chunked` as it came."""

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = field(default=b"", repr=False)
    chunked: bool = False


class Exchange:
    """The response to a Request: status and headers now, the body as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)
        self.status = 0
        self.deadline = float("inf")  # loop time; kept here for whoever reads the body
        self.headers: RawHeaders = []

    async def start(self, request: Request) -> None:
        """Sends and returns when the response's headers are there."""
        headers = [*request.headers, (b"connection", b"close")]
        if request.chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        try:
            self._send(h11.Request(method=request.method, target=request.target, headers=headers))
            self._send(h11.Data(data=request.body))
            self._send(h11.EndOfMessage())
            response = await self._response()
        except (OSError, h11.ProtocolError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error
        self.status = response.status_code
        self.headers = [
            (name, value) for name, value in response.headers if name.decode("latin-1") not in HOP_BY_HOP
        ]

    async def body(self) -> AsyncIterator[bytes]:
        """The body's pieces, unbuffered, as the process writes them."""
        try:
            while not isinstance(event := await self._event(), h11.EndOfMessage):
                if isinstance(event, h11.Data):
                    yield bytes(event.data)
        except (OSError, h11.ProtocolError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Ends the connection, finished or not; the process sees a disconnect."""
        self._writer.close()

    def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._writer.write(data)

    async def _response(self) -> h11.Response:
        while not isinstance(event := await self._event(), h11.Response):
            if isinstance(event, (h11.ConnectionClosed, h11.EndOfMessage)):
                raise ConnectionResetError("closed before it answered")
        return event

    async def _event(self) -> h11.Event:
        while (event := self._http.next_event()) in (h11.NEED_DATA, h11.PAUSED):
            self._http.receive_data(await self._reader.read(65536))
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("closed before it answered")
        assert not isinstance(event, type)  # the two sentinels are handled above
        return event


async def connect(host: str, port: int) -> Exchange:
    """A connection to a process; Broken if nobody listens."""
    try:
        return Exchange(*await asyncio.open_connection(host, port))
    except OSError as error:
        raise Broken(f"cannot connect to {host}:{port}: {error.strerror or error}") from error
