"""Puts `updates` together. Nothing connects before the first stream."""

from collections.abc import Sequence

from functions.updates.app import Updates
from functions.updates.hub import Hub
from functions.updates.settings import Settings
from shared.db.pool import Database
from shared.db.repositories.feed import Feed, Slice
from shared.db.uow import UnitOfWork
from shared.runtime.auth import Verifier
from shared.runtime.settings import Process, load

__all__ = ["Updates", "build"]

NAME = "updates"


def build(settings: Settings) -> Updates:
    """The function's routes over one hub."""
    database = Database(settings.database_url, max_size=load(Process).threads, application_name=NAME)
    uow = UnitOfWork(database, source=f"/taskflow/{NAME}")

    def read(positions: Sequence[tuple[str, int | None]]) -> list[Slice]:
        with uow.sweep() as tx:
            return Feed(tx).read(positions)

    verifier = Verifier(settings.auth_jwks_url, settings.auth_issuer, settings.auth_audience)
    return Updates(Hub(read), verifier.verify, origins=frozenset(settings.cors_allowed_origins))
