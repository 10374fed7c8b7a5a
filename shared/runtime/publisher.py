"""Publishes outbox rows right after their commit, in a thread of the process; `relay` publishes what is left.

`UnitOfWork(on_commit=publisher.notify)` tells it about commits. No request waits for it or fails with it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from shared.db.pool import Database
from shared.db.store import outbox
from shared.db.uow import Cause, Transaction, UnitOfWork
from shared.domain.errors import RetryLater
from shared.domain.identity import Actor
from shared.messaging.encoding import published, record_of
from shared.messaging.ports import Publisher, PublishError, Record, Refused
from shared.runtime import clock, lifecycle
from shared.runtime.failpoints import failpoint
from shared.runtime.logging import get_logger

BATCH = 500
PUBLISH_SECONDS = 3.0  # under the roles' idle_in_transaction_session_timeout of 5 s
DATABASE_SECONDS = 2.0  # for the statements around it: the thread waits no longer for a hung server
DRAIN_SECONDS = 10.0
FLUSH_SECONDS = 5.0
LOCK_RETRIES, LOCK_PAUSE_SECONDS = 2, 0.05
MAX_WAITING = 10_000  # users; more than these wait for the sweep
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0

log = get_logger(__name__)


@dataclass(frozen=True)
class Drained:
    """What a drain did: rows published, rows the log refused, and whether another drain had the user."""

    published: int = 0
    refused: int = 0
    busy: bool = False


def drain(uow: UnitOfWork, publisher: Publisher, user_id: str, *, seconds: float = DRAIN_SECONDS) -> Drained:
    """Publish the pending rows of `user_id` in order, batch by batch, each under the user's lock.

    Raises PublishError when the log cannot be reached and RetryLater when the database cannot: the rows
    stay pending. After a crash between acknowledgement and commit they are published again, with the same
    ids.

    >>> from shared.events.account import AccountChanged
    >>> from shared.testing.log import MemoryLog
    >>> uow, topics = UnitOfWork(database, source="/taskflow/tasks"), MemoryLog(["task-events"])
    >>> with uow.write(user_id, Cause(Actor("user", user_id))) as tx:
    ...     event = tx.emit(AccountChanged, resource="settings", resource_id=user_id, action="updated")
    >>> drain(uow, topics, user_id)
    Drained(published=1, refused=0, busy=False)
    """
    end = clock.monotonic() + seconds
    done, lost = Drained(), 0
    while clock.monotonic() < end:
        step = _step(uow, publisher, user_id, min(PUBLISH_SECONDS, end - clock.monotonic()))
        if step.busy:
            # The other drain may have read its last batch before our row was committed: try again, twice.
            if lost == LOCK_RETRIES:
                return Drained(done.published, done.refused, busy=True)
            lost += 1
            threading.Event().wait(LOCK_PAUSE_SECONDS)
        elif step == Drained():
            break
        else:
            done = Drained(done.published + step.published, done.refused + step.refused)
    return done


def _step(uow: UnitOfWork, publisher: Publisher, user_id: str, seconds: float) -> Drained:
    """One batch in one transaction, which stays open during the call to the log, at most `seconds`."""
    cause = Cause(actor=Actor("function", "publisher"))
    with uow.record(user_id, cause, timeout=seconds + DATABASE_SECONDS) as tx:
        if not outbox.try_lock(tx, user_id):
            return Drained(busy=True)
        rows = outbox.pending(tx, user_id, limit=BATCH)
        return publish(tx, publisher, rows, seconds) if rows else Drained()


def publish(tx: Transaction, publisher: Publisher, rows: list[outbox.OutboxRow], seconds: float) -> Drained:
    """Publish `rows`, read in this transaction under their users' locks, and mark what was acknowledged.

    Raises PublishError when the first of them is neither acknowledged nor refused.
    """
    failpoint("publish:before")
    try:
        acknowledged = publisher.publish([_record(row) for row in rows], timeout=seconds)
    except Refused as error:
        poison = rows[0]
        dead = outbox.mark_failed(tx, poison, str(error))
        log.failure("the log refuses an event", error, event_id=poison.event_id, type=poison.type, dead=dead)
        return Drained(refused=1)
    if acknowledged == 0:
        raise PublishError("The log acknowledged nothing.")
    failpoint("publish:after_ack")
    outbox.mark_published(tx, rows[:acknowledged])
    return Drained(published=acknowledged)


def _record(row: outbox.OutboxRow) -> Record:
    event = published(
        id=row.event_id,
        source=row.source,
        type=row.type,
        task_id=row.subject,
        user_id=row.user_id,
        time=row.occurred_at,
        schema_version=row.schema_version,
        flags=row.extensions,
        traceparent=row.traceparent,
        data=None,
    )
    return record_of(event, topic=row.topic, data=row.data)


class PublisherThread:
    """One thread with one publisher, both made at the first `notify`, so after a fork.

    `connect` makes the publisher in the thread, so that its imports and connections delay no request. Example
    of what the thread does: `drain`.
    """

    def __init__(self, connect: Callable[[], Publisher], database: Database) -> None:
        self._connect = connect
        self._uow = UnitOfWork(database, source="/taskflow/publisher")
        self._changed = threading.Condition()
        self._waiting: dict[str, None] = {}  # users in order of their first unpublished commit
        self._working = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._publisher: Publisher | None = None
        self._pause = 0.0

    def notify(self, user_id: str) -> None:
        """Publish the outbox rows that `user_id` has committed, soon. Neither waits nor raises."""
        with self._changed:
            if self._stopping or len(self._waiting) >= MAX_WAITING:
                return
            self._waiting[user_id] = None
            self._changed.notify_all()
            if self._thread is None:
                self._start()

    def flush(self, timeout: float = FLUSH_SECONDS) -> bool:
        """Wait until everything notified so far has been tried; False when `timeout` ended first.

        While the log is down it returns at once: pending rows are left to `relay`.
        """
        end = clock.monotonic() + timeout
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._waiting or self._working) or self._pause > 0,
                timeout=max(0.0, end - clock.monotonic()),
            )

    def close(self, timeout: float = FLUSH_SECONDS) -> None:
        """Flush, then end the thread and its publisher; all within `timeout` seconds."""
        end = clock.monotonic() + timeout
        flushed = self.flush(timeout)
        with self._changed:
            left = len(self._waiting)
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, end - clock.monotonic()))
        if left or not flushed:
            log.warning("left outbox rows to the sweep", users=left)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is ending: the sweep will do it
            log.failure("no publisher thread", error)
            return
        self._thread = thread
        lifecycle.on_stop(self.close)

    def _run(self) -> None:
        while (user_id := self._next()) is not None:
            try:
                self._drain(user_id)
            except Exception as error:  # noqa: BLE001  # the thread must survive everything
                self._failed(user_id, error)
            else:
                self._succeeded()
        if self._publisher is not None:
            self._publisher.close(timeout=1.0)

    def _next(self) -> str | None:
        """The next user, after a pause if the log fails; None to end."""
        with self._changed:
            self._working = False
            self._changed.notify_all()
            if self._pause:
                self._changed.wait_for(lambda: self._stopping, timeout=self._pause)
            self._changed.wait_for(lambda: self._stopping or self._waiting)
            if self._stopping:
                return None
            user_id = next(iter(self._waiting))
            del self._waiting[user_id]
            self._working = True
            return user_id

    def _drain(self, user_id: str) -> None:
        if self._publisher is None:
            self._publisher = self._connect()
        drain(self._uow, self._publisher, user_id)

    def _failed(self, user_id: str, error: Exception) -> None:
        passing = isinstance(error, PublishError | RetryLater)
        with self._changed:
            if not passing:  # a bug, perhaps of this user's rows only: the others go on
                log.failure("publishing a user's rows failed, the sweep will try", error, user_id=user_id)
                return
            if not self._pause:  # once per outage
                log.warning("publishing failed, trying again", reason=str(error))
            self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
            self._waiting.setdefault(user_id)
            self._changed.notify_all()

    def _succeeded(self) -> None:
        with self._changed:
            if self._pause:
                log.info("publishing works again", users=len(self._waiting))
            self._pause = 0.0
