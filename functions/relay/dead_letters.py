"""Records everything that reaches the dead-letter topics and answers 204 when it is stored.

There is no inbox: a letter that is stored twice is still one row. The source of these topics has no
dead-letter sink, so after another answer than 2xx it tries again for a long time. Such an answer is given
only when the database cannot be reached. A record that cannot be read, or not be stored as it is, is stored
as its bytes with the reason.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Request, Response

from functions.relay.replay import knowable, passes
from shared.db.repositories.dead_letters import DeadLetter, DeadLetters
from shared.db.store.failures import storable
from shared.db.uow import UnitOfWork
from shared.domain.errors import AppError, LimitExceeded
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent, from_http
from shared.messaging.encoding import document
from shared.runtime.event import MAX_BODY, TICK, verdict
from shared.runtime.http import View, discard_body, read_body
from shared.runtime.logging import get_logger
from shared.runtime.received import MAX_USER, claimed_user

UNKNOWN = "unknown"
MAX_DETAIL = 1024  # characters; the dispatcher keeps as many bytes of the answer
MAX_LETTER = 4 * MAX_BODY  # of a longer one only the headers are stored
KEPT_BYTES = 65_536  # of a body that cannot be read
MAX_KEY = 512  # bytes of a source or an id; the index of the table holds 2,704 for both
MAX_CODE = 100
CLASSES = ("transient", "permanent", "bug")
_NAME = re.compile(r"[a-z0-9-]{1,63}")
_STATUS = re.compile(r"[1-5]\d\d")
log = get_logger(__name__)


class DeadLetterDesk:
    """Stores dead letters. Made by `wiring`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def guard(self, view: View) -> View:
        """A view that stores every POST as a dead letter, except ticks; these and health checks go to
        `view`.
        """

        def respond(request: Request) -> Response:
            if request.method != "POST":
                return view(request)
            try:
                body = _body(request)
                event, reason = _event(request, body)
                if event is not None and event.type == TICK:
                    return view(request)
                return self._respond(_headers(request), body, event, reason)
            except Exception as error:  # noqa: BLE001  # the boundary: every outcome is a verdict
                return verdict("relay", error, instance=request.headers.get("ce-id"))
            finally:
                discard_body(request)

        return respond

    def _respond(
        self, headers: Mapping[str, str], body: bytes | None, event: CloudEvent | None, reason: str
    ) -> Response:
        if event is not None:
            try:
                return self._store(letter_of(event))
            except AppError:
                raise  # the database cannot be reached: try again
            except Exception as error:
                log.exception("a dead letter cannot be stored as it is")
                reason = f"It cannot be stored: {type(error).__name__}."
        return self._store(unreadable(headers, body, reason=reason))

    def _store(self, letter: DeadLetter) -> Response:
        with self._uow.sweep() as tx:
            DeadLetters(tx).put(letter)
        log.error(
            "dead letter", consumer=letter.consumer, ce_id=letter.id, status=letter.status, code=letter.code
        )
        return Response(status=204)


def letter_of(event: CloudEvent) -> DeadLetter:
    """The letter of `event`, with the reason from the dispatcher's and our own extensions."""
    extensions = event.extensions
    detail = error_text(extensions.get("knativeerrordata"))
    known = EVENTS.get(event.type)
    consumer, user_id = consumer_of(extensions), user_of(event)
    status, error_class = status_of(extensions), class_of(extensions)
    return DeadLetter(
        consumer=consumer,
        source=as_key(event.source),
        id=as_key(event.id),
        type=event.type,
        user_id=user_id,
        topic=f"{known.topic}-dlq" if known else None,
        status=status,
        code=(problem_code(detail) or extensions.get("errorclass", ""))[:MAX_CODE] or None,
        detail=detail,
        event=document(event),
        error_class=error_class,
        replayable=user_id != "" and passes(status, error_class) and knowable(event, consumer),
    )


def as_key(text: str) -> str:
    """`text`, or its digest if it is too long for an index; the stored event has all of it."""
    raw = text.encode()
    return text if len(raw) <= MAX_KEY else f"sha256:{hashlib.sha256(raw).hexdigest()}"


def user_of(event: CloudEvent) -> str:
    """The user that the event names; "" if it names none or no valid id."""
    user_id = claimed_user(event)
    return user_id if len(user_id) <= MAX_USER and storable(user_id) == user_id else ""


def status_of(extensions: Mapping[str, str]) -> int | None:
    """The status that the consumer's Service answered; None if there was no answer."""
    code = extensions.get("knativeerrorcode", "")
    return int(code) if _STATUS.fullmatch(code) else None


def class_of(extensions: Mapping[str, str]) -> str | None:
    """The error class that our function gave in its answer; None if it gave none."""
    found = extensions.get("errorclass")
    return found if found in CLASSES else None


def consumer_of(extensions: Mapping[str, str]) -> str:
    """The consumer's name, from our own header, else from the host that the dispatcher could not reach."""
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


def unreadable(headers: Mapping[str, str], body: bytes | None, *, reason: str) -> DeadLetter:
    """The letter of a record that is no CloudEvent; its id is its digest, so that it is stored once. `body`
    is None if it was too long to be read.
    """
    kept = {k.lower(): v[:MAX_DETAIL] for k, v in headers.items() if k.lower().startswith("ce-")}
    raw = body or b""
    digest = hashlib.sha256(json.dumps(sorted(kept.items())).encode() + raw).hexdigest()
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
        event={
            "headers": kept,
            "length": None if body is None else len(body),
            "body_base64": base64.b64encode(raw[:KEPT_BYTES]).decode(),
        },
    )


def _headers(request: Request) -> Mapping[str, str]:
    return dict(request.headers.items())


def _body(request: Request) -> bytes | None:
    request.max_content_length = MAX_LETTER
    try:
        return read_body(request)
    except LimitExceeded:
        return None


def _event(request: Request, body: bytes | None) -> tuple[CloudEvent | None, str]:
    """The event, or the error if it cannot be decoded."""
    if body is None:
        return None, "The body is too large."
    try:
        return from_http(_headers(request), body, max_bytes=MAX_BODY), ""
    except AppError as error:
        return None, error.message
    except Exception as error:
        log.exception("a dead letter cannot be read")
        return None, f"It cannot be read: {type(error).__name__}."
