"""`GET /openapi.json`: this application as an OpenAPI 3.1 document. Registered last, by `app`."""

from functools import cache

from flask import Flask, Response

from functions.tasks.edge.routing import Routes


def register(app: Flask, routes: Routes) -> None:
    """Declare the route; the document is built on the first request and kept."""

    @cache
    def text() -> str:
        # pydantic: only for readers of the document, never in a wake-up
        from functions.tasks.edge.openapi.document import document
        from shared.messaging.strict_json import dumps

        made: bytes | str = dumps(document(app))
        return made if isinstance(made, str) else made.decode()

    @routes.public("GET", "/openapi.json")
    def openapi() -> Response:
        return Response(text(), content_type="application/json", headers={"Cache-Control": "max-age=300"})
