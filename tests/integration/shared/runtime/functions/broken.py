"""A function whose wiring fails, for tests of what its process says then."""

import flask
import functions_framework

from shared.runtime.entry import deferred
from shared.runtime.http import View


def _wire() -> View:
    raise KeyError("canary-of-a-wiring")


_respond = deferred(_wire)


@functions_framework.http
def broken(request: flask.Request) -> flask.Response:
    return _respond(request)
