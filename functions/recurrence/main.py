"""Entry point of `recurrence`: reads its settings at import, builds its wiring after it listens."""

import functions_framework
from flask import Request, Response

from functions.recurrence.settings import Settings
from shared.runtime.entry import deferred
from shared.runtime.event import consume, function
from shared.runtime.http import View
from shared.runtime.settings import load

NAME = "recurrence"
settings = load(Settings)


def wire() -> View:
    from functions.recurrence.handler import ACCEPTS, handle
    from shared.runtime.wiring import publishing_uow

    uow = publishing_uow(NAME, settings.database_url, settings.kafka_bootstrap_servers)
    return function(NAME, on_event=consume(NAME, handle, uow=uow, accepts=ACCEPTS))


respond = deferred(wire)


@functions_framework.http
def recurrence(request: Request) -> Response:
    return respond(request)
