"""Delivers one event: attempts, waits, reply, dead letter. Called by feeds.py.

dispatch.py decides; this module sends, waits and reports. When it returns, the offset may be committed, also
when the event was lost (as in the cluster); a lost event is reported on the console and the status page.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from scripts.local.destinations import Destinations
from scripts.local.dispatch import (
    Answer,
    Decision,
    Delivered,
    NoAnswer,
    Outcome,
    Retry,
    Undeliverable,
    dead_letter,
    decide,
    describe,
)
from scripts.local.events import CloudEvent
from scripts.local.model import Feed, Sink

Report = Callable[[str], None]
WAIT_SECONDS = 2.0  # between the tries to store a dead letter while the topics cannot be written


@dataclass(frozen=True)
class Result:
    """How a delivery ended: `delivered`, `dead_lettered` or `lost`; attempts at the subscriber."""

    how: str
    attempts: int
    reason: str = ""


class Deliverer:
    """The delivery spec of one feed."""

    def __init__(self, feed: Feed, destinations: Destinations, *, namespace: str, report: Report) -> None:
        self._feed, self._destinations, self._namespace, self._report = feed, destinations, namespace, report

    async def deliver(self, event: CloudEvent) -> Result:
        """Never raises for what a destination does."""
        decision, outcome, attempts = await self._try(event, self._feed.sink)
        if isinstance(decision, Delivered):
            if decision.reply is None or await self._store_reply(decision.reply):
                return Result("delivered", attempts)
            outcome = NoAnswer("the reply could not be stored in the Broker's topic")
            decision = Undeliverable(outcome.reason)
        reason = decision.reason
        if self._feed.delivery.dead_letter is None:
            self._report(f"event {event['id']} LOST, no dead letter sink: {reason}")
            return Result("lost", attempts, reason)
        return await self._bury(event, outcome, attempts=attempts, reason=reason)

    async def _try(self, event: CloudEvent, sink: Sink) -> tuple[Delivered | Undeliverable, Outcome, int]:
        policy = self._feed.delivery.policy
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._destinations.send(event, sink, timeout=policy.timeout)
            decision: Decision = decide(outcome, attempt, policy=policy, replies=self._feed.kind == "Trigger")
            if not isinstance(decision, Retry):
                return decision, outcome, attempt
            self._report(
                f"event {event['id']}: attempt {attempt} failed: {decision.reason}; "
                f"again in {decision.after:g} s"
            )
            await asyncio.sleep(decision.after)

    async def _store_reply(self, reply: CloudEvent) -> bool:
        """A Trigger's reply becomes a new event of its Broker; dispatch.py has discarded a source's."""
        if self._feed.reply_broker is None:
            return True
        answer = await self._destinations.accept(reply, Sink("Broker", self._feed.reply_broker))
        return answer.status == 202

    async def _bury(self, event: CloudEvent, outcome: Outcome, *, attempts: int, reason: str) -> Result:
        sink = self._feed.delivery.dead_letter
        assert sink is not None  # the caller checked
        letter = dead_letter(event, self._feed.sink.url(self._namespace), outcome)
        decision, answer, _ = await self._try(letter, sink)
        while _unavailable(answer):  # unlike in the cluster: the disk of a laptop is full sometimes
            self._report(f"event {event['id']} waits for {sink.name}: {describe(answer)}")
            await asyncio.sleep(WAIT_SECONDS)
            decision, answer, _ = await self._try(letter, sink)
        if isinstance(decision, Delivered):
            self._report(f"event {event['id']} dead-lettered to {sink.name}: {reason}")
            return Result("dead_lettered", attempts, reason)
        self._report(
            f"event {event['id']} LOST: {reason}; and the dead letter sink {sink.name} failed: "
            f"{decision.reason}"
        )
        return Result("lost", attempts, reason)


def _unavailable(outcome: Outcome) -> bool:
    """Whether the ingress of a topic could not store it now: the disk is full or Kafka cannot be reached."""
    return isinstance(outcome, Answer) and outcome.status == 503
