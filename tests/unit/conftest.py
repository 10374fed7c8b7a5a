"""Unit tests touch neither network nor database: opening a socket fails the test that does it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from coverage import Coverage
from hypothesis import is_hypothesis_test

SCRIPTS = Path(__file__).parent / "scripts"
MEASURING = pytest.StashKey[Coverage | None]()


class SocketBlocked(RuntimeError):
    """A unit test opened a socket; move it to tests/integration or inject what it talks to."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is measured by examples: tracing hundreds of generated ones takes several times their time.
    Nor is it measured of `scripts`.
    """
    for item in items:
        generated = isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
        if generated or item.path.is_relative_to(SCRIPTS):
            item.add_marker(pytest.mark.no_cover)


def pytest_sessionstart(session: pytest.Session) -> None:
    """From here on only tests are measured: tracing what pytest does before and between them takes as long
    again. What an import runs is measured by the other tiers.
    """
    measuring = session.config.stash[MEASURING] = Coverage.current()
    if measuring:
        measuring.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    measuring = item.config.stash[MEASURING]
    if measuring is None or item.get_closest_marker("no_cover"):
        return (yield)
    measuring.start()
    try:
        return (yield)
    finally:
        measuring.stop()


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
