"""Registers a flush at its first request, as the publisher does, for tests of stopping."""

import os
from pathlib import Path

import flask
import functions_framework

from shared.runtime import lifecycle
from shared.runtime.http import no_content


@functions_framework.http
def flushing(request: flask.Request) -> flask.Response:
    if request.method == "POST":
        lifecycle.on_stop(lambda: Path(os.environ["MARKER"]).write_text("flushed") and None)
    return no_content()
