"""Unit tests touch neither network nor database: opening a socket fails the test that does it."""

import socket
from typing import Any, NoReturn

import pytest
from hypothesis import is_hypothesis_test


class SocketBlocked(RuntimeError):
    """A unit test opened a socket; move it to tests/integration or inject what it talks to."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is measured by examples: tracing hundreds of generated ones takes several times their time."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise SocketBlocked(SocketBlocked.__doc__)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def postgres() -> NoReturn:
    raise SocketBlocked("unit tests have no database; move the test to tests/integration")
