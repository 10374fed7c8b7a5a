"""Builds `updates`. Nothing connects before the first stream."""

from collections.abc import Sequence

from functions.updates.app import Updates
from functions.updates.hub import Hub
from functions.updates.settings import Settings
from shared.db.repositories.feed import Feed, Slice
from shared.db.uow import UnitOfWork
from shared.runtime.auth import Verifier
from shared.runtime.wiring import database

__all__ = ["Updates", "build"]

NAME = "updates"
READ_SECONDS = 3.0  # one read for a hundred streams: the next round comes a second later


def build(settings: Settings) -> Updates:
    """The function's routes over one hub."""
    uow = UnitOfWork(database(NAME, settings.database_url), source=f"/taskflow/{NAME}")

    def read(positions: Sequence[tuple[str, int | None]]) -> list[Slice]:
        with uow.sweep(timeout=READ_SECONDS) as tx:
            return Feed(tx).read(positions)

    verifier = Verifier(settings.auth_jwks_url, settings.auth_issuer, settings.auth_audience)
    return Updates(Hub(read), verifier.verify, origins=frozenset(settings.cors_allowed_origins))
