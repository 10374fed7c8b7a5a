"""docs/openapi.json: the document of the real application, built without a database. Used by `files`."""

from typing import Any

from functions.tasks.app import build
from functions.tasks.edge.openapi.document import document as document_of
from shared.db.pool import Database
from shared.db.uow import UnitOfWork
from shared.runtime.auth import Verifier
from shared.runtime.sealing import Sealer

_NOWHERE = "http://127.0.0.1:9/"  # never connected to: building declares routes and opens nothing


def application() -> Any:  # flask.Flask, which scripts need not know
    """`tasks` with every route, but without a database."""
    uow = UnitOfWork(Database("postgresql:///nowhere"), source="/taskflow/tasks")
    return build(uow, Verifier(_NOWHERE, _NOWHERE, _NOWHERE), sealer=Sealer(Sealer.new_key()))


def document() -> dict[str, Any]:
    """The OpenAPI document of `tasks`."""
    return document_of(application())
