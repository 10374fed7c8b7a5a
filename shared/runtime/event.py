"""The HTTP adapter of event functions: decodes the CloudEvent of a request, passes it to `consumer` or to the
handler of ticks, and answers with the verdict.

`functions/<x>/main.py` builds its target with `function(name, on_event=consume(…), on_tick=tick(…))`.
Knative's dispatcher acts by the status: 204 done, 4xx dead letter, 409, 503 and 500 send again.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from flask import Request, Response

from shared.domain.errors import AppError, Invalid
from shared.messaging.cloudevent import CloudEvent, from_http
from shared.runtime import deadline, problems
from shared.runtime.consumer import Consumer, Handler, Mode
from shared.runtime.http import HEALTH, View, discard_body, new_request_id, no_content, read_body
from shared.runtime.logging import bind, configure
from shared.runtime.settings import Process, load
from shared.runtime.verdicts import judge, render

if TYPE_CHECKING:
    from shared.db.uow import UnitOfWork

TICK = "dev.knative.sources.ping"
TICK_SECONDS = 45.0
MAX_BODY = 1_048_576
_DECODED = "taskflow.event"


def function(
    name: str,
    *,
    on_event: View | None = None,
    on_tick: View | None = None,
) -> View:
    """The target for functions-framework: health on GET, ticks and events on POST to any other path."""
    configure(service=name, level=load(Process).log_level)

    def respond(request: Request) -> Response:
        instance = request.headers.get("ce-id") or new_request_id()
        try:
            if request.path in HEALTH:
                return _health(request, instance)
            if request.method != "POST":
                return _wrong_method(request, instance)
            view = on_tick if _is_tick(request) else on_event
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
    """A view that runs `handler(event, tx)` once per event, in one transaction with its inbox row.

    `mode` is the kind of transaction (`UnitOfWork.write` or `.record`). An example is at `consumer.Consumer`.
    """
    consumer = Consumer(name, handler, uow, mode, None if accepts is None else frozenset(accepts))

    def respond(request: Request) -> Response:
        try:
            event = _decode(request)
        except AppError as error:
            refused = consumer.refuse(_attributes(request), error)
            return render(name, refused, instance=request.headers.get("ce-id"))
        return render(name, consumer.consume(event), instance=event.id)

    return respond


def tick(name: str, handler: Callable[[], None], *, budget: float = TICK_SECONDS) -> View:
    """A view for the ticks of PingSource. They have no inbox: the next tick does the work of a lost one,
    and a doubled one finds nothing to do. `budget` is in seconds.
    """

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
    """The answer of the function `name` to an event whose handling raised `error`."""
    return render(name, judge(error), instance=instance)


def _is_tick(request: Request) -> bool:
    """Whether the event is a tick; False if it cannot be decoded, so that `consume` records it."""
    try:
        return _decode(request).type == TICK
    except AppError:
        return False


def _attributes(request: Request) -> CloudEvent | None:
    """The event of a request whose data cannot be read, without it; None if its attributes cannot be read."""
    try:
        return from_http(dict(request.headers.items()), b"")
    except AppError:
        return None


def _unexpected(request: Request) -> Response:
    _decode(request)  # what is wrong with the request itself comes first
    raise Invalid("This function does not handle such events.", code="unexpected_event_type")


def _decode(request: Request) -> CloudEvent:
    """The event of the request, decoded once. The limit is set here, because the framework has none."""
    found: CloudEvent | None = request.environ.get(_DECODED)
    if found is None:
        request.max_content_length = MAX_BODY
        found = from_http(dict(request.headers.items()), read_body(request), max_bytes=MAX_BODY)
        request.environ[_DECODED] = found
    return found


def _health(request: Request, instance: str) -> Response:
    if request.method not in ("GET", "HEAD"):
        return _method_not_allowed("GET", instance)
    return no_content()


def _wrong_method(request: Request, instance: str) -> Response:
    if request.path == "/":
        return _method_not_allowed("POST", instance)
    return problems.problem(404, "no_such_route", "There is no such route.", instance=instance)


def _method_not_allowed(allowed: str, instance: str) -> Response:
    detail = f"Only {allowed} is possible here."
    headers = {"Allow": allowed}
    return problems.problem(405, "method_not_allowed", detail, instance=instance, headers=headers)
