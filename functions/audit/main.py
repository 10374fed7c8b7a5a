"""Entry point of `audit`: settings at import, wiring on first use, nothing else."""

from functools import cache

import functions_framework
from flask import Request, Response

from functions.audit.settings import Settings
from shared.runtime.event import View, consume, function
from shared.runtime.settings import load

NAME = "audit"
settings = load(Settings)


@cache
def wire() -> View:
    from functions.audit.handler import handle
    from shared.db.pool import Database
    from shared.db.uow import UnitOfWork

    uow = UnitOfWork(Database(settings.database_url), source=f"/taskflow/{NAME}")
    return function(NAME, on_event=consume(NAME, handle, uow=uow, mode="record"))


@functions_framework.http
def audit(request: Request) -> Response:
    return wire()(request)
