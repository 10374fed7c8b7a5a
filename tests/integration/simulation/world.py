"""A small world for simulations: the real services on a real database, a log in memory, a clock by hand.

Records are delivered as the Triggers and KafkaSources do: binary CloudEvents, in order per user, to each
consumer that the catalog names; a delivery may be repeated, delayed by an outage, or come much later again.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask import Request
from werkzeug.test import EnvironBuilder

from functions.audit.handler import handle as append_to_audit
from functions.notifications.handler import handle as notify
from functions.recurrence.handler import ACCEPTS
from functions.recurrence.handler import handle as expand
from functions.reminders.service import Sweep
from functions.tasks.tasks import verbs
from shared.db.pool import Database
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.events.catalog import TOPICS, consumers
from shared.messaging.ports import Record
from shared.runtime import deadline
from shared.runtime.event import consume, function
from shared.runtime.http import View
from shared.runtime.publisher import drain
from shared.testing.clock import SimulatedClock
from shared.testing.log import MemoryLog

EVERYTHING_OK = 204


def _nobody(_user_id: str) -> None:
    """Nothing is sent here: there are no endpoints."""


@dataclass
class World:
    """One user's platform. `seed` decides every accident."""

    connect: Callable[..., Database]
    clock: SimulatedClock
    user_id: str
    seed: int
    log: MemoryLog = field(default_factory=lambda: MemoryLog(TOPICS))

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.api = self._uow("tasks", "api")
        self.consumer = self._uow("recurrence", "consumer")
        self._ticker = self._uow("reminders", "ticker")
        self._views: Mapping[str, View] = {
            "recurrence": self._view("recurrence", expand, "write", ACCEPTS),
            "audit": self._view("audit", append_to_audit, "record", None),
            "notifications": self._view("notifications", partial(notify, notify=_nobody), "record", None),
        }
        self._offsets = dict.fromkeys(self._views, 0)
        self.redelivered = 0

    def _uow(self, name: str, role: str) -> UnitOfWork:
        return UnitOfWork(self.connect(role, clock=self.clock), source=f"/taskflow/{name}")

    def _view(self, name: str, handler: Any, mode: Any, accepts: Any) -> View:  # as `consume` takes them
        uow = self._uow(name, "consumer")
        return function(name, on_event=consume(name, handler, uow=uow, mode=mode, accepts=accepts))

    def act(self, verb: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """One request of the user: `verb` of the task service in its transaction."""
        with self.api.write(self.user_id, Cause(Actor("user", self.user_id))) as tx:
            return verb(tx, *arguments, **options)

    def create(self, **given: Any) -> Any:
        return self.act(verbs.create, given)

    def tick(self) -> None:
        """The minute tick of `reminders`."""
        with deadline.within(45):
            Sweep(self._ticker).run()

    def publish(self) -> None:
        """What the publisher threads and the relay do: drain the user's outbox."""
        for uow in (self.api, self._ticker, self.consumer):
            drain(uow, self.log, self.user_id)

    def deliver(self, *, duplicates: float = 0.0) -> None:
        """Give every consumer what it has not had, in order; then some of it once more."""
        while any(self._deliver_next(name, duplicates) for name in self._views):
            self.publish()

    def _deliver_next(self, name: str, duplicates: float) -> bool:
        offset = self._offsets[name]
        if offset >= len(self.log.stored):
            return False
        self._offsets[name] = len(self.log.stored)
        for record in self.log.stored[offset:]:
            self._post(name, record)
            if self.random.random() < duplicates:
                self.redelivered += 1
                again = self.random.choice(self.log.stored[max(0, len(self.log.stored) - 200) :])
                self._post(name, again)
        return True

    def _post(self, name: str, record: Record) -> None:
        extensions = {k for k, v in record.headers.items() if v == "true"}
        wanted = consumers(record.headers["ce_type"], {k.removeprefix("ce_") for k in extensions})
        if name not in wanted:
            return
        headers = {k.replace("ce_", "ce-", 1): v for k, v in record.headers.items()}
        built = EnvironBuilder(path="/", method="POST", data=record.value, headers=headers)
        response = self._views[name](Request(built.get_environ()))
        assert response.status_code == EVERYTHING_OK, (name, record.headers, response.get_data(as_text=True))


def hours(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """The instants from `start` to before `end`."""
    found, now = [], start.astimezone(UTC)
    while now < end:
        found.append(now)
        now += step
    return found
