"""The listeners of the local platform."""

import asyncio
import socket

from scripts.local.asgi import Server, answer, listen
from scripts.local.http_client import Request, connect


def nodelay(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_no_socket_of_an_exchange_waits_for_an_acknowledgement():
    """A head and its body are two writes: Nagle's algorithm lets the second one wait, 40 ms."""

    async def exchange():
        seen = []

        async def app(scope, receive, send):
            (connection,) = server.server_state.connections
            seen.append(nodelay(connection.transport.get_extra_info("socket")))
            await answer(send, 200, b"{}")

        listener = listen(0, "--port")
        server = Server(app, listener)
        await server.open()
        client = await connect("127.0.0.1", listener.getsockname()[1])
        await client.start(Request("GET", b"/", [(b"host", b"localhost")]))
        found = seen[0], nodelay(client._writer.get_extra_info("socket"))
        await client.close()
        await server.close()
        return found

    assert asyncio.run(exchange()) == (True, True)
