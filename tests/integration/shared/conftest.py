"""A PostgreSQL of the module's own, which may be stopped, and a wire to it that may fall silent."""

from collections.abc import Iterator

import pytest

from scripts.local.postgres import EmbeddedPostgres
from tests.integration.wire import Wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    found = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    try:
        found.start()
        yield found
    finally:
        found.destroy()


@pytest.fixture
def wire(server: EmbeddedPostgres) -> Iterator[Wire]:
    """To the server as role `api`."""
    found = Wire(server._dsn("api", "taskflow"))
    yield found
    found.close()
