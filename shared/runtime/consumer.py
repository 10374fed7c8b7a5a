"""Handles one event in one transaction: interpret it, claim the inbox row, run the handler, commit. So every
event has its effect at most once. Made by `event.consume`.

A final verdict is recorded in `event_failures`, so that reconciliation does not send the event again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.domain.errors import AppError, RetryLater
from shared.domain.identity import Actor
from shared.messaging.cloudevent import CloudEvent
from shared.messaging.encoding import document
from shared.runtime import deadline
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import bind, get_logger
from shared.runtime.received import ReceivedEvent, UnknownSchemaVersion, claimed_user, interpret
from shared.runtime.tracing import continue_trace, trace_id
from shared.runtime.verdicts import DONE, Verdict, judge

if TYPE_CHECKING:
    from shared.db.uow import Cause, Transaction, UnitOfWork

HANDLER_SECONDS = 4.0  # with 4 attempts and 7 s of pauses, a failing event is a dead letter within 30 s
_RECORD_SECONDS = 1.0

Handler = Callable[[ReceivedEvent, "Transaction"], None]
Mode = Literal["write", "record"]

log = get_logger(__name__)


class _AlreadyDone(Exception):  # rolls the transaction back; not an error
    """The inbox has this event."""


@dataclass(frozen=True)
class Consumer:
    """Handles the events of the function `name`. `accepts`: their types, None for every type of ours.

    >>> from shared.db.uow import UnitOfWork
    >>> from shared.testing.deliveries import account_changed
    >>> uow = UnitOfWork(database, source="/taskflow/audit")
    >>> consumer = Consumer("audit", lambda event, tx: print(event.type), uow, "record", accepts=None)
    >>> event = account_changed(user_id)
    >>> consumer.consume(event).kind
    io.taskflow.account.changed.v1
    'done'
    >>> consumer.consume(event).kind  # the same event again: the handler does not run
    'done'
    """

    name: str
    handler: Handler
    uow: "UnitOfWork"
    mode: Mode
    accepts: frozenset[str] | None

    def consume(self, event: CloudEvent) -> Verdict:
        """Handle `event`. Never raises: every outcome is a verdict."""
        trace = continue_trace(event.extensions.get("traceparent"))
        fields = {"ce_id": event.id, "ce_type": event.type, "trace": trace_id(trace)}
        with bind(**fields), deadline.within(HANDLER_SECONDS):
            try:
                self._run(event, trace)
            except Exception as error:  # noqa: BLE001  # the boundary: every outcome is a verdict
                return self.refuse(event, error)
        return DONE

    def refuse(self, event: CloudEvent | None, error: Exception) -> Verdict:
        """The verdict on `error`. A final one is recorded if the attributes of the event could be read;
        events without readable attributes are stored by `relay`, as bytes.
        """
        verdict = judge(error)
        if event is not None and verdict.kind == "permanent" and verdict.error is not None:
            self._record(event, verdict.error, verdict.status)
        return verdict

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
        """Stores an event of an unknown schema version for a replay after the upgrade; RetryLater if it
        cannot.
        """
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
                event=document(event),
            )
        log.warning("event_skipped_unknown_version", schema_version=unknown.version)

    def _record(self, event: CloudEvent, error: AppError, status: int) -> None:
        """Record a final verdict. A failure to do so is only logged: the verdict stays the same."""
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
                    event=document(event),
                )
        except Exception:
            log.exception("verdict not recorded")

    def _user_or_nobody(self, user_id: str, cause: "Cause") -> "AbstractContextManager[Transaction]":
        if user_id:
            return self.uow.record(user_id, cause, timeout=_RECORD_SECONDS)
        return self.uow.sweep(timeout=_RECORD_SECONDS)
