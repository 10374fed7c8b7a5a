"""Entry point of `notifications`: reads its settings at import, builds its wiring after it listens."""

import functions_framework
from flask import Request, Response

from functions.notifications.settings import Settings
from shared.runtime.entry import deferred
from shared.runtime.http import View
from shared.runtime.settings import load

settings = load(Settings)


def wire() -> View:
    from functions.notifications.wiring import build

    return build(settings)


respond = deferred(wire)


@functions_framework.http
def notifications(request: Request) -> Response:
    return respond(request)
