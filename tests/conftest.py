"""Fixtures for every tier: a PostgreSQL database for each process of tests, and values that keep tests apart.

Tests never truncate: each works under its own `user_id`. The server and the template are those of
`scripts/checks/database.py`. `tests/scheduling.py` says what runs in one worker.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from coverage import Coverage
from xdist import is_xdist_controller

from scripts.local.postgres_binaries import PostgresMissing
from shared.db.pool import Database
from shared.testing.clock import SimulatedClock
from tests import profiles
from tests.scheduling import Units, early

profiles.register()

DatabaseFactory = Callable[..., Database]


def pytest_addoption(parser: pytest.Parser) -> None:
    """See tests/e2e/test_drill.py; here, because only the outermost conftest may add options."""
    parser.addoption("--drill-tasks", type=int, default=12, help="recurring tasks completed in a drill")
    parser.addoption("--drill-seeds", type=int, default=1, help="drills, each with a seed of its own")


def pytest_sessionstart(session: pytest.Session) -> None:
    """The process that hands out the tests runs none: nothing of it is to be measured."""
    if is_xdist_controller(session) and (measuring := Coverage.current()):
        measuring.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: early(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Units | None:  # log: xdist's Producer
    """Ours for `--dist loadfile`."""
    return Units(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    measuring = Coverage.current() if item.get_closest_marker("no_cover") else None
    if measuring is None:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Mapping[str, str]]:
    """DSNs by role ("owner", "api", …, and "admin") of a migrated database of this process."""
    from scripts.checks.database import clone, template  # not in the workers of unit tests: half a second

    with ExitStack() as stack:
        try:
            original = stack.enter_context(template())
        except PostgresMissing as missing:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(missing))
        yield stack.enter_context(clone(original))


@pytest.fixture(scope="session")
def dsns(postgres: Mapping[str, str]) -> Mapping[str, str]:
    """Alias of `postgres`, for tests that only connect."""
    return postgres


@pytest.fixture
def database(dsns: Mapping[str, str]) -> Iterator[DatabaseFactory]:
    """`database("api", clock=…, max_size=…)`: a pool as that role, closed after the test."""
    with ExitStack() as stack:

        def connect(role: str, **options: object) -> Database:
            made = Database(dsns[role], **options)  # type: ignore[arg-type]  # passed on
            stack.callback(made.close)
            return made

        yield connect


@pytest.fixture
def user_id() -> str:
    """A user that no other test knows."""
    return f"user-{uuid4()}"


@pytest.fixture
def sim_clock() -> SimulatedClock:
    """Noon of 2026-01-01 UTC until the test moves it."""
    return SimulatedClock()
