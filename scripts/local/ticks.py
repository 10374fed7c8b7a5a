"""Runs PingSources. A tick is tried 1 + 5 times, with pauses from 50 ms on, and is then lost, as in the
cluster.
"""

import asyncio
import random
import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from scripts.local.destinations import Destinations
from scripts.local.dispatch import Answer, Outcome, Policy, Retry, decide, describe
from scripts.local.events import CloudEvent
from scripts.local.model import Tick

JITTER_SECONDS = 0.5
POLICY = Policy(retry=5, backoff="exponential", delay=0.025, timeout=600.0)


class RunningTick:
    """Fires on its schedule, or when asked to."""

    def __init__(self, tick: Tick, destinations: Destinations, *, namespace: str) -> None:
        self.tick = tick
        self._destinations, self._namespace = destinations, namespace
        self._clock: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Outcome]] = set()
        self._last: dict[str, object] | None = None
        self._next: str | None = None
        self._fired = 0

    def open(self) -> None:
        self._clock = asyncio.create_task(self._keep_time(), name=f"tick {self.tick.name}")

    async def close(self) -> None:
        tasks = [task for task in (self._clock, *self._running) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def fire(self, policy: Policy = POLICY) -> Outcome:
        """Send one tick, with its retries; several may run at the same time, as in the cluster."""
        event, attempt = self._event(), 0
        self._fired += 1
        began = asyncio.get_running_loop().time()
        while True:
            attempt += 1
            outcome = await self._destinations.send(event, self.tick.sink, timeout=policy.timeout)
            decision = decide(outcome, attempt, policy=policy, replies=False)
            if not isinstance(decision, Retry):
                break
            await asyncio.sleep(decision.after)
        self._last = {
            "at": event["time"],
            "attempts": attempt,
            "result": describe(outcome),
            "status": outcome.status if isinstance(outcome, Answer) else None,
            "ms": round((asyncio.get_running_loop().time() - began) * 1000, 1),
        }
        return outcome

    def status(self) -> dict[str, object]:
        return {
            "schedule": self.tick.schedule,
            "timezone": self.tick.timezone,
            "sink": self.tick.sink.url(self._namespace),
            "next": self._next,
            "fired": self._fired,
            "last": self._last,
        }

    async def _keep_time(self) -> None:
        zone = ZoneInfo(self.tick.timezone)
        while True:
            now = datetime.now(zone)
            due = next(CronSim(self.tick.schedule, now))
            self._next = due.astimezone(UTC).isoformat()
            while (left := (due - datetime.now(zone)).total_seconds()) > 0:  # noqa: ASYNC110  # it is time
                await asyncio.sleep(min(left, 5))  # short: the clock jumps after a suspension
            if left > -30:  # later than that: the machine was suspended; the next tick does the work
                task = asyncio.create_task(self._fire_soon())
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _fire_soon(self) -> Outcome:
        # So that the ticks of a minute do not all start at once.
        await asyncio.sleep(random.uniform(0, JITTER_SECONDS))
        return await self.fire()

    def _event(self) -> CloudEvent:
        attributes = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "type": "dev.knative.sources.ping",
            "source": f"/apis/v1/namespaces/{self._namespace}/pingsources/{self.tick.name}",
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if self.tick.data is not None:
            attributes["datacontenttype"] = self.tick.content_type
        return CloudEvent({**attributes, **self.tick.overrides}, self.tick.data)
