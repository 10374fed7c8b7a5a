"""An HTTP function behind our edge, for tests of the runner and of plain functions-framework."""

import time

import flask
import functions_framework
from own_sockets import nodelay

from shared.runtime.http import create_app, json_body, serve_request


def _register(app: flask.Flask) -> None:
    @app.get("/")
    def hello() -> flask.Response:
        return flask.jsonify({"hello": "world"})

    @app.get("/slow")
    def slow() -> flask.Response:
        time.sleep(float(flask.request.args["seconds"]))
        return flask.jsonify({"slow": True})

    @app.post("/echo")
    def echo() -> flask.Response:
        return flask.jsonify(json_body(flask.request))

    @app.get("/nodelay")
    def delays() -> flask.Response:
        return flask.jsonify(nodelay(int(flask.request.environ["REMOTE_PORT"])))

    @app.get("/crash")
    def crash() -> flask.Response:
        raise KeyError("canary-of-a-crash")


_app = create_app("hello", register=_register)


@functions_framework.http
def hello(request: flask.Request) -> flask.Response:
    return serve_request(_app, request)
