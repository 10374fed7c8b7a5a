"""Records what reaches the dead-letter topics, also what nobody can decode; 204 once it is stored.

No inbox: the same letter stored twice is one row. The source on these topics has no dead-letter sink
of its own, so an answer other than 2xx is tried again for a long time and then stays in its topic.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response

from shared.db.repositories.dead_letters import DeadLetter, DeadLetters
from shared.db.uow import UnitOfWork
from shared.domain.errors import Invalid
from shared.events.base import plain
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent, from_http
from shared.runtime.event import MAX_BODY
from shared.runtime.http import View, read_body
from shared.runtime.logging import get_logger
from shared.runtime.received import claimed_user

UNKNOWN = "unknown"
MAX_DETAIL = 1024  # characters; the dispatcher keeps as many bytes of the answer
_NAME = re.compile(r"[a-z0-9-]{1,63}")
_STATUS = re.compile(r"[1-5]\d\d")
log = get_logger(__name__)


class DeadLetterDesk:
    """The event path of `relay`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def respond(self, request: Request) -> Response:
        """Store the dead letter in the request."""
        return self._store(letter_of(_decoded(request)))

    def guard(self, view: View) -> View:
        """`view`, but a POST that is no CloudEvent is stored instead of refused: refusing loses it."""

        def respond(request: Request) -> Response:
            if request.method == "POST":
                request.max_content_length = MAX_BODY
                try:
                    _decoded(request)
                except Invalid as error:
                    return self._store(
                        unreadable(dict(request.headers.items()), read_body(request), reason=error.message)
                    )
            return view(request)

        return respond

    def _store(self, letter: DeadLetter) -> Response:
        with self._uow.sweep() as tx:
            DeadLetters(tx).put(letter)
        log.error(
            "dead letter", consumer=letter.consumer, ce_id=letter.id, status=letter.status, code=letter.code
        )
        return Response(status=204)


def letter_of(event: CloudEvent) -> DeadLetter:
    """What the dispatcher's and our own extensions say about the failure of `event`."""
    extensions = event.extensions
    detail = error_text(extensions.get("knativeerrordata"))
    code = extensions.get("knativeerrorcode", "")
    known = EVENTS.get(event.type)
    return DeadLetter(
        consumer=consumer_of(extensions),
        source=event.source,
        id=event.id,
        type=event.type,
        user_id=claimed_user(event),
        topic=f"{known.topic}-dlq" if known else None,
        status=int(code) if _STATUS.fullmatch(code) else None,
        code=problem_code(detail) or extensions.get("errorclass"),
        detail=detail,
        event=document(event),
    )


def consumer_of(extensions: Mapping[str, str]) -> str:
    """Our own header says it, else the host that the dispatcher could not deliver to."""
    name = extensions.get("function", "")
    if _NAME.fullmatch(name):
        return name
    try:
        host = urlsplit(extensions.get("knativeerrordest", "")).hostname or ""
    except ValueError:
        host = ""
    label = host.partition(".")[0]
    return label if _NAME.fullmatch(label) else UNKNOWN


def error_text(data: str | None) -> str | None:
    """`knativeerrordata` is Base64 from the Kafka dispatcher and plain text from others."""
    if not data:
        return None
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")[:MAX_DETAIL]
    except binascii.Error:
        return data[:MAX_DETAIL]


def problem_code(detail: str | None) -> str | None:
    """The `code` of the problem that the function answered with."""
    try:
        problem = json.loads(detail or "")
    except (ValueError, RecursionError):
        return None
    code = problem.get("code") if isinstance(problem, dict) else None
    return code if isinstance(code, str) else None


def document(event: CloudEvent) -> dict[str, Any]:
    """The event in structured mode: what a replay needs."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": plain(event.time),
        "dataschema": event.dataschema,
        "datacontenttype": event.datacontenttype,
        **event.extensions,
    }
    return {**{name: value for name, value in attributes.items() if value is not None}, "data": event.data}


def unreadable(headers: Mapping[str, str], body: bytes, *, reason: str) -> DeadLetter:
    """A record that is no CloudEvent of ours; its id is its digest, so that it is kept once."""
    kept = {k.lower(): v for k, v in headers.items() if k.lower().startswith("ce-")}
    digest = hashlib.sha256(json.dumps(sorted(kept.items())).encode() + body).hexdigest()
    extensions = {name.removeprefix("ce-"): value for name, value in kept.items()}
    return DeadLetter(
        consumer=consumer_of(extensions),
        source=UNKNOWN,
        id=digest,
        type=UNKNOWN,
        user_id="",
        topic=None,
        status=None,
        code="undecodable",
        detail=reason,
        event={"headers": kept, "body_base64": base64.b64encode(body).decode()},
    )


def _decoded(request: Request) -> CloudEvent:
    return from_http(dict(request.headers.items()), read_body(request), max_bytes=MAX_BODY)
