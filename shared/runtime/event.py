"""The one adapter of event functions: CloudEvent in, transaction with inbox, status verdict out.

`functions/<x>/main.py` builds its target with `function(name, on_event=consume(…), on_tick=tick(…))`.
The verdicts are what Knative's dispatcher acts on: 204 done, 4xx dead letter, 409/503/500 again.
"""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from flask import Request, Response

from shared.domain.errors import AppError, Invalid, RetryLater, Unauthenticated
from shared.domain.identity import Actor
from shared.messaging.cloudevent import CloudEvent, from_http
from shared.runtime import deadline, problems
from shared.runtime.failpoints import failpoint
from shared.runtime.http import HEALTH, View, discard_body, new_request_id, no_content, read_body
from shared.runtime.logging import bind, configure, get_logger
from shared.runtime.received import ReceivedEvent, UnknownSchemaVersion, claimed_user, interpret
from shared.runtime.settings import Process, load
from shared.runtime.tracing import continue_trace, trace_id

if TYPE_CHECKING:
    from shared.db.uow import Cause, Transaction, UnitOfWork

TICK = "dev.knative.sources.ping"
HANDLER_SECONDS = 4.0  # 4 attempts and 7 s of backoff dead-letter a failing function within 30 s
TICK_SECONDS = 45.0
MAX_BODY = 1_048_576
_RECORD_SECONDS = 1.0
_RETRIED = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)  # of what an AppError becomes
_TRANSPORT = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_DECODED = "taskflow.event"

Handler = Callable[[ReceivedEvent, "Transaction"], None]
Mode = Literal["write", "record"]

log = get_logger(__name__)


class _AlreadyDone(Exception):  # rolls the transaction back; not an error
    """The inbox has this event."""


def function(
    name: str,
    *,
    on_event: View | None = None,
    on_tick: View | None = None,
    readiness: Callable[[], None] | None = None,
) -> View:
    """The framework's target: health on GET, ticks and events on POST to any other path."""
    configure(service=name, level=load(Process).log_level)

    def respond(request: Request) -> Response:
        instance = request.headers.get("ce-id") or new_request_id()
        try:
            if request.path in HEALTH:
                return _health(request, readiness, instance)
            if request.method != "POST":
                return _wrong_method(request, instance)
            view = on_tick if _decode(request).type == TICK else on_event
            return (view or _unexpected)(request)
        except Exception as error:  # noqa: BLE001  # the boundary: every outcome is a verdict
            return verdict(name, error, instance=instance)
        finally:
            discard_body(request)

    return respond


def consume(
    name: str,
    handler: Handler,
    *,
    uow: "UnitOfWork",
    mode: Mode = "write",
    accepts: Collection[str] | None = None,
) -> View:
    """A view that runs `handler(event, tx)` once per event, in one transaction with its inbox row."""
    return _Consumer(name, handler, uow, mode, None if accepts is None else frozenset(accepts)).respond


def tick(name: str, handler: Callable[[], None], *, budget: float = TICK_SECONDS) -> View:
    """A view for PingSource: no inbox, since a lost tick is healed by the next and a double finds nothing."""

    def respond(request: Request) -> Response:
        event = _decode(request)
        with bind(ce_id=event.id, tick=True), deadline.within(budget):
            try:
                handler()
            except Exception as error:  # noqa: BLE001  # the boundary: every outcome is a verdict
                return verdict(name, error, instance=event.id)
        return no_content()

    return respond


def verdict(name: str, error: Exception, *, instance: str | None) -> Response:
    """The answer that makes the dispatcher do the right thing about `error`."""
    if not isinstance(error, AppError):
        log.failure("event handler failed", error)
        response, kind = problems.of_unknown(instance=instance), "bug"
    else:
        status = event_status(error)
        kind = "transient" if status in _RETRIED else "permanent"
        cause = type(error.__cause__).__name__ if error.__cause__ else None
        log.warning("event refused", status=status, code=error.code, cause=cause)
        response = problems.of_app_error(error, instance=instance, status=status)
    response.headers["Kne-Errorclass"] = kind  # become extensions of the dead letter
    response.headers["Kne-Function"] = name
    return response


def event_status(error: AppError) -> int:
    """Design §6: retried are 409 and 503; a domain error of the handler is permanent, never 404."""
    if isinstance(error, RetryLater):
        from shared.db.store.inbox import EventInProgress  # with psycopg: only a running consumer has it

        return HTTPStatus.CONFLICT if isinstance(error, EventInProgress) else HTTPStatus.SERVICE_UNAVAILABLE
    status = problems.status_of(error)
    passed_on = status in _TRANSPORT or isinstance(error, Unauthenticated)
    return status if passed_on else HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True)
class _Consumer:
    name: str
    handler: Handler
    uow: "UnitOfWork"
    mode: Mode
    accepts: frozenset[str] | None

    def respond(self, request: Request) -> Response:
        event = _decode(request)
        trace = continue_trace(event.extensions.get("traceparent"))
        fields = {"ce_id": event.id, "ce_type": event.type, "trace": trace_id(trace)}
        with bind(**fields), deadline.within(HANDLER_SECONDS):
            try:
                self._run(event, trace)
            except Exception as error:  # noqa: BLE001  # the boundary: every outcome is a verdict
                return self._refuse(event, error)
        return no_content()

    def _run(self, event: CloudEvent, trace: str) -> None:
        try:
            received = interpret(event, accepts=self.accepts)
        except UnknownSchemaVersion as unknown:
            self._skip(event, unknown)
            return
        with bind(user_id=received.user_id):
            try:
                self._apply(received, trace)
            except _AlreadyDone:
                log.info("event already processed")
            else:
                log.info("event processed")

    def _apply(self, event: ReceivedEvent, trace: str) -> None:
        from shared.db.store import inbox  # with psycopg: not before the first event

        with self._transaction(event, trace) as tx:
            failpoint(f"consume:{self.name}:before_inbox")
            if not inbox.claim(tx, self.name, event.source, event.id):
                raise _AlreadyDone
            failpoint(f"consume:{self.name}:after_inbox")
            self.handler(event, tx)
            if deadline.remaining() == 0:
                raise RetryLater("The event took too long.", code="deadline_exceeded")
            failpoint(f"consume:{self.name}:after_effect")
        failpoint(f"consume:{self.name}:after_commit")

    def _transaction(self, event: ReceivedEvent, trace: str) -> "AbstractContextManager[Transaction]":
        from shared.db.uow import Cause

        request_id = event.data.get("request_id")
        cause = Cause(
            actor=Actor("function", self.name),
            request_id=request_id if isinstance(request_id, str) else None,
            traceparent=trace,
        )
        opened = self.uow.write if self.mode == "write" else self.uow.record
        return opened(event.user_id, cause, timeout=max(0.05, deadline.remaining()))

    def _skip(self, event: CloudEvent, unknown: UnknownSchemaVersion) -> None:
        """Keeps an event from the future for replay after the upgrade; failing to keep it is transient."""
        from shared.db.store import failures
        from shared.db.uow import Cause

        cause = Cause(actor=Actor("function", self.name))
        with self.uow.record(unknown.user_id, cause, timeout=deadline.remaining()) as tx:
            failures.record_skip(
                tx,
                consumer=self.name,
                source=event.source,
                id=event.id,
                type=event.type,
                schema_version=str(unknown.version),
                event=_document(event),
            )
        log.warning("event_skipped_unknown_version", schema_version=unknown.version)

    def _refuse(self, event: CloudEvent, error: Exception) -> Response:
        response = verdict(self.name, error, instance=event.id)
        if isinstance(error, AppError) and response.status_code not in _RETRIED:
            self._record(event, error, response.status_code)
        return response

    def _record(self, event: CloudEvent, error: AppError, status: int) -> None:
        """Best effort: the verdict stands whether or not it can be written down."""
        from shared.db.store import failures
        from shared.db.uow import Cause

        try:
            cause = Cause(actor=Actor("function", self.name))
            with self._user_or_nobody(claimed_user(event), cause) as tx:
                failures.record_failure(
                    tx,
                    consumer=self.name,
                    source=event.source,
                    id=event.id,
                    type=event.type,
                    status=status,
                    code=error.code,
                    detail=error.message,
                    event=_document(event),
                )
        except Exception:
            log.exception("verdict not recorded")

    def _user_or_nobody(self, user_id: str, cause: "Cause") -> "AbstractContextManager[Transaction]":
        if user_id:
            return self.uow.record(user_id, cause, timeout=_RECORD_SECONDS)
        return self.uow.sweep(timeout=_RECORD_SECONDS)


def _unexpected(_request: Request) -> Response:
    raise Invalid("This function does not handle such events.", code="unexpected_event_type")


def _decode(request: Request) -> CloudEvent:
    """The request's event, decoded once; the limit is ours because the framework has none."""
    found: CloudEvent | None = request.environ.get(_DECODED)
    if found is None:
        request.max_content_length = MAX_BODY
        found = from_http(dict(request.headers.items()), read_body(request), max_bytes=MAX_BODY)
        request.environ[_DECODED] = found
    return found


def _document(event: CloudEvent) -> dict[str, object]:
    """The event as a structured-mode object: what a replay needs."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat() if event.time else None,
        "dataschema": event.dataschema,
        **event.extensions,
        "data": event.data,
    }


def _health(request: Request, readiness: Callable[[], None] | None, instance: str) -> Response:
    if request.method not in ("GET", "HEAD"):
        return _method_not_allowed("GET", instance)
    if readiness is not None and request.path == HEALTH[1]:
        readiness()
    return no_content()


def _wrong_method(request: Request, instance: str) -> Response:
    if request.path == "/":
        return _method_not_allowed("POST", instance)
    return problems.problem(404, "no_such_route", "There is no such route.", instance=instance)


def _method_not_allowed(allowed: str, instance: str) -> Response:
    detail = f"Only {allowed} is possible here."
    headers = {"Allow": allowed}
    return problems.problem(405, "method_not_allowed", detail, instance=instance, headers=headers)
