"""Entry point of `tasks`: reads its settings at import, builds its wiring after it listens."""

import functions_framework
from flask import Request, Response

from functions.tasks.settings import Settings
from shared.runtime.entry import deferred
from shared.runtime.http import View
from shared.runtime.settings import load

settings = load(Settings)


def wire() -> View:
    from functions.tasks.wiring import build

    return build(settings)


respond = deferred(wire)


@functions_framework.http
def tasks(request: Request) -> Response:
    return respond(request)
