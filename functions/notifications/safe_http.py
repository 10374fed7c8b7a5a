"""Sends one POST to a URL that a user chose, but never to an address inside our network (SSRF).
Called by `courier`.

The name is resolved once, every address is checked, and the connection goes to a checked address with
the original Host and TLS name, so that a second answer of the resolver (DNS rebinding) is never used.
No redirects, no proxies, one deadline for everything. At most 64 KiB of the answer are read, for at most one
second after its status, and discarded.
"""

import contextlib
import http.client
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Self

from shared.domain.errors import Invalid
from shared.domain.webhook_target import Target, parse, permitted
from shared.runtime import clock

TIMEOUT = 15.0  # seconds, from resolving to the last byte read
REST = 1.0  # seconds for what follows the head of the answer
MAX_ANSWER = 65_536
MAX_ADDRESSES = 4
Resolver = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Answer:
    """The status of the response and the wait that it asks for."""

    status: int
    retry_after: str | None = None


class NotDelivered(Exception):  # an outcome, not a bug
    """There was no response; `code` is the reason and may be shown to the endpoint's owner.

    `late`: the attempt ended at its deadline, so a thread has waited all that time.
    """

    def __init__(self, code: str, *, late: bool = False) -> None:
        self.code = code
        self.late = late
        super().__init__(code)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, IPv4 and IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _public_trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    allow_loopback: bool,
    timeout: float = TIMEOUT,
    resolver: Resolver = resolve,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """The endpoint's answer; `NotDelivered` when there was none within `timeout` seconds."""
    try:
        target = parse(url, allow_loopback=allow_loopback)
    except Invalid as error:
        raise NotDelivered(error.message) from None
    ends = clock.monotonic() + timeout
    addresses = _checked(target, _resolved(target, resolver, timeout), allow_loopback=allow_loopback)
    with contextlib.closing(_connected(target, addresses, ends)) as plain, _Cut(plain, ends) as cut:
        try:
            return _exchange(target, _secured(target, plain, trust), body, headers, answered=cut.within)
        except ssl.SSLCertVerificationError:
            raise NotDelivered("the endpoint's certificate is not valid") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = cut.done or isinstance(error, TimeoutError)
            raise NotDelivered("timed out" if late else "the connection broke", late=late) from None


def _resolved(target: Target, resolver: Resolver, timeout: float) -> list[str]:
    """The addresses of the host, or NotDelivered. In a separate thread, because getaddrinfo has no
    timeout.
    """
    answers: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(target.host, target.port))
        except (OSError, UnicodeError):
            answers.put(None)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answers.get(timeout=timeout)
    except queue.Empty:
        raise NotDelivered("the host name could not be resolved in time", late=True) from None
    if not found:
        raise NotDelivered("the host name does not resolve")
    return found


def _checked(target: Target, addresses: list[str], *, allow_loopback: bool) -> list[str]:
    """The addresses, if all of them are allowed: one forbidden address among public ones is an attack."""
    if not all(permitted(a, allow_loopback=allow_loopback, local=target.local) for a in addresses):
        raise NotDelivered("the host name points at an address that is not allowed")
    return addresses[:MAX_ADDRESSES]


def _connected(target: Target, addresses: list[str], ends: float) -> socket.socket:
    late = False
    for number, address in enumerate(addresses):
        left = (ends - clock.monotonic()) / (len(addresses) - number)
        if left <= 0:
            break
        try:
            connected = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            late = late or isinstance(error, TimeoutError)
        else:
            connected.settimeout(max(0.1, ends - clock.monotonic()))
            return connected
    raise NotDelivered("no connection could be made", late=late)


def _secured(target: Target, plain: socket.socket, trust: ssl.SSLContext | None) -> socket.socket:
    if not target.tls:
        return plain
    return (trust or _public_trust()).wrap_socket(plain, server_hostname=target.host)


class _Cut:
    """Closes the connection at the deadline. A socket timeout does not do that: it starts again with every
    byte of a slow endpoint.
    """

    def __init__(self, connection: socket.socket, ends: float) -> None:
        self.done = False
        self._ends = ends
        self._descriptor = socket.fromfd(connection.fileno(), connection.family, connection.type)
        self._timer = self._start()

    def within(self, seconds: float) -> None:
        """Set an earlier deadline."""
        self._timer.cancel()
        self._ends = min(self._ends, clock.monotonic() + seconds)
        self._timer = self._start()

    def _start(self) -> threading.Timer:
        timer = threading.Timer(max(0.0, self._ends - clock.monotonic()), self._cut)
        timer.daemon = True
        timer.start()
        return timer

    def _cut(self) -> None:
        self.done = True
        with contextlib.suppress(OSError):
            self._descriptor.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._descriptor.close()


def _exchange(
    target: Target,
    channel: socket.socket,
    body: bytes,
    headers: Mapping[str, str],
    *,
    answered: Callable[[float], None],
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = channel  # connected and checked: http.client opens none of its own
    try:
        sent = {**headers, "Host": target.authority, "Connection": "close"}
        connection.request("POST", target.path, body=body, headers=sent)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers.get("Retry-After"))
        answered(REST)
        with contextlib.suppress(OSError, http.client.HTTPException):
            response.read(MAX_ANSWER)  # lets the endpoint finish; the verdict is the status
        return answer
    finally:
        connection.close()
