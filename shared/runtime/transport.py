"""The limits of connections for both runners, and the answers that they give without the application.
Imported by `wsgi`, `asgi` and their connections.

The limits are about bytes and connections. The work of requests is limited by `THREADS` and by the deadlines
of `http` and `event`.
"""

from http import HTTPStatus

from shared.messaging.strict_json import dumps

RECEIVE_SECONDS = 10.0  # for head and body of one request, from its first byte
IDLE_SECONDS = 180  # longer than a Go proxy keeps idle connections (90 s), so that it closes first
UNREAD_SECONDS = 40  # the connection of a client that reads nothing for so long is closed
MAX_HEADERS = 16_384
MAX_BODY = 1_048_576  # for event functions; APIs refuse smaller bodies themselves
MAX_CONNECTIONS = 800  # above containerConcurrency (500), below the usual limit of 1024 open files
SWEEP_SECONDS = 0.5  # how late a deadline may be noticed
PROBLEM = "application/problem+json"

_CODES = {408: "request_timeout", 413: "body_too_large"}
_DETAILS = {
    408: f"The request was not received within {RECEIVE_SECONDS:.0f} seconds.",
    413: "The body is too large.",
}


def problem_body(status: int) -> bytes:
    """The problem document of an answer that the runner gives by itself."""
    code = _CODES.get(status, f"http_{status}")
    body = {"type": f"/problems/{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    if status in _DETAILS:
        body["detail"] = _DETAILS[status]
    return dumps(body).encode()


def raw_problem(status: int) -> bytes:
    """A whole HTTP/1.1 response that ends its connection."""
    body = problem_body(status)
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {PROBLEM}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
