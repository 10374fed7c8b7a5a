"""Entry point of `audit`: reads its settings at import, builds its wiring after it listens."""

import functions_framework
from flask import Request, Response

from functions.audit.settings import Settings
from shared.runtime.entry import deferred
from shared.runtime.event import consume, function
from shared.runtime.http import View
from shared.runtime.settings import load

NAME = "audit"
settings = load(Settings)


def wire() -> View:
    from functions.audit.handler import handle
    from shared.db.uow import UnitOfWork
    from shared.runtime.wiring import database

    uow = UnitOfWork(database(NAME, settings.database_url), source=f"/taskflow/{NAME}")
    return function(NAME, on_event=consume(NAME, handle, uow=uow, mode="record"))


respond = deferred(wire)


@functions_framework.http
def audit(request: Request) -> Response:
    return respond(request)
