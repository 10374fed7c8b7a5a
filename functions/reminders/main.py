"""Entry point of `reminders`: reads its settings at import, builds its wiring after it listens."""

import functions_framework
from flask import Request, Response

from functions.reminders.settings import Settings
from shared.runtime.entry import deferred
from shared.runtime.event import function, tick
from shared.runtime.http import View
from shared.runtime.settings import load

NAME = "reminders"
settings = load(Settings)


def wire() -> View:
    from functions.reminders.service import Sweep
    from shared.runtime.wiring import publishing_uow

    uow = publishing_uow(NAME, settings.database_url, settings.kafka_bootstrap_servers)
    return function(NAME, on_tick=tick(NAME, Sweep(uow).run))


respond = deferred(wire)


@functions_framework.http
def reminders(request: Request) -> Response:
    return respond(request)
