"""Declares the routes of `tasks`: each says who may call it, and gets the caller as an argument.

Only handlers of `Routes.user` get a user id, so no handler can work for a user without authentication.
`auth_of` lists the access of every route, for a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from flask import Flask, Response, g, request

from shared.db.uow import Cause
from shared.domain.errors import Unauthenticated
from shared.domain.identity import Actor
from shared.runtime.auth import Verifier

BASE = "/v1"
Access = Literal["user", "public"]
_ACCESS = "taskflow_access"


@dataclass(frozen=True)
class Caller:
    """The authenticated user of a request, and the cause that events and the audit log name."""

    user_id: str
    cause: Cause


Handler = Callable[..., Response]


class Routes:
    """Declares routes on one Flask application."""

    def __init__(self, app: Flask, verifier: Verifier) -> None:
        self._app = app
        self._verifier = verifier

    def user(self, method: str, path: str, *, base: str = BASE) -> Callable[[Handler], Handler]:
        """A route under `base` whose handler receives `caller` first, then the path's values."""

        def declare(handler: Handler) -> Handler:
            def view(**values: Any) -> Response:  # path converters decide the types
                return handler(self.authenticate(), **values)

            self._add(method, base + path, handler.__name__, view, "user")
            return handler

        return declare

    def public(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """A route that anybody may call; `path` is absolute."""

        def declare(handler: Handler) -> Handler:
            self._add(method, path, handler.__name__, handler, "public")
            return handler

        return declare

    def authenticate(self) -> Caller:
        """The caller of a request with a valid bearer token, else `Unauthenticated`."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        identity = self._verifier.verify(token.strip())
        cause = Cause(
            actor=Actor("user", identity.user_id),
            request_id=g.get("request_id"),
            traceparent=g.get("traceparent"),
        )
        return Caller(user_id=identity.user_id, cause=cause)

    def _add(self, method: str, path: str, name: str, view: Handler, access: Access) -> None:
        endpoint = f"{method.lower()}_{name}"
        self._app.add_url_rule(path, endpoint, view, methods=[method])
        self._app.extensions.setdefault(_ACCESS, {})[endpoint] = access


def auth_of(app: Flask) -> dict[str, Access]:
    """Endpoint → declared access; a test checks that no route is without."""
    declared: dict[str, Access] = app.extensions.get(_ACCESS, {})
    return declared
