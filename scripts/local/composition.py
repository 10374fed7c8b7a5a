"""Makes all objects of the local platform. Called by run.py, which keeps them running."""

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from socket import socket
from typing import Any

from scripts.local.asgi import App, Server, guarded
from scripts.local.database import Database, Revivable
from scripts.local.delivery import Deliverer
from scripts.local.destinations import Destinations
from scripts.local.doors import Doors
from scripts.local.environment import environment, overrides
from scripts.local.feeds import RunningFeed
from scripts.local.gateway import Gateway
from scripts.local.issuer import issuer
from scripts.local.model import Feed, Service, Wiring
from scripts.local.process import Launch
from scripts.local.revision import Revision
from scripts.local.state import State
from scripts.local.status import Problems, Status
from scripts.local.ticks import RunningTick
from scripts.local.topics import Topics, TopicsUnavailable, retention_ms

REAP_SECONDS = 0.25
FORGET_SECONDS = 3600


def urls_of(port: int) -> dict[str, str]:
    """The three listeners of a platform."""
    names = ("gateway", "inner", "status")
    return {name: f"http://127.0.0.1:{port + n}" for n, name in enumerate(names)}


def say(line: str) -> None:
    """A progress line on the console."""
    print(line, flush=True)


class Platform:
    """Everything that runs, in one event loop. `kafka`: HOST:PORT, None for the embedded log."""

    def __init__(
        self,
        wiring: Wiring,
        state: State,
        *,
        port: int,
        topics: Topics,
        kafka: str | None,
        scale_to_zero: bool,
        default_service: str,
        postgres: Revivable | None = None,
    ) -> None:
        self.urls = urls_of(port)
        self._wiring, self._state, self._topics, self._kafka = wiring, state, topics, kafka
        self._problems = Problems()
        self._database = Database(postgres, report=self._about_the_database) if postgres else None
        self._scale_to_zero = scale_to_zero
        self._revisions = {name: self._revision(service) for name, service in wiring.services.items()}
        self._destinations = Destinations(wiring, topics, self._revisions)
        self._feeds = [self._feed(feed) for feed in wiring.feeds]
        self._ticks = {
            name: RunningTick(tick, self._destinations, namespace=wiring.namespace)
            for name, tick in wiring.ticks.items()
        }
        gateway = Gateway(self._revisions, namespace=wiring.namespace, default=default_service)
        self._apps: tuple[App, ...] = (gateway, guarded(self._doors()), guarded(self._status()))
        self._servers: list[Server] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, listeners: list[socket]) -> None:
        """Serves when it returns; `listeners` are those of `urls`, in order."""
        await self._topics.ensure(tuple(self._wiring.topics.values()))
        self._servers = [Server(app, listener) for app, listener in zip(self._apps, listeners, strict=True)]
        for server in self._servers:
            await server.open()
        for feed in self._feeds:
            await feed.open(self._topics)
        for tick in self._ticks.values():
            tick.open()
        if self._database is not None:
            self._database.open()
        # Only now: old records are dropped, except those that a subscribed group has not passed.
        self._tasks = [asyncio.create_task(work()) for work in (self._keep_scale, self._keep_retention)]

    async def close(self) -> None:
        """Ends what was opened, in reverse; safe after a failed open."""
        for task in self._tasks:
            task.cancel()
        if self._database is not None:
            await self._database.close()
        await asyncio.gather(*(tick.close() for tick in self._ticks.values()))
        await asyncio.gather(*(feed.close() for feed in self._feeds))
        await asyncio.gather(*(server.close() for server in self._servers))
        await asyncio.gather(*(revision.close() for revision in self._revisions.values()))
        await self._topics.close()

    def _revision(self, service: Service) -> Revision:
        local = overrides(
            kafka=self._kafka or self.urls["inner"], inner=self.urls["inner"], gateway=self.urls["gateway"]
        )
        what = Launch(
            name=service.name,
            command=service.command,
            env=environment(service, self._state, local=local),
            readiness=service.readiness,
            log=self._state.logs / f"{service.name}.log",
        )
        return Revision(service, what, scale_to_zero=self._scale_to_zero, changed=self._remember)

    def _feed(self, feed: Feed) -> RunningFeed:
        """The deliverer's reports go to the feed and the status page; lost events to the console too."""

        def report(message: str) -> None:
            running.complain(message)
            self._problems.add(f"{feed.kind} {feed.name}", message)
            if " LOST" in message:
                say(f"!! {feed.kind} {feed.name}: {message}")

        deliverer = Deliverer(feed, self._destinations, namespace=self._wiring.namespace, report=report)
        running = RunningFeed(feed, deliverer, namespace=self._wiring.namespace)
        return running

    def _about_the_database(self, message: str) -> None:
        self._problems.add("database", message)
        say(f"!! {message}")

    def _doors(self) -> Doors:
        return Doors(
            self._wiring,
            topics=self._topics,
            revisions=self._revisions,
            destinations=self._destinations,
            jwks=issuer(self._state.directory).jwks,
        )

    def _status(self) -> Status:
        return Status(
            topics=self._topics,
            revisions=self._revisions,
            feeds=self._feeds,
            ticks=self._ticks,
            problems=self._problems,
            database=self._database,
            facts=self._facts(),
            logs=self._state.logs,
        )

    def _facts(self) -> Mapping[str, Any]:
        ingress = f"{self.urls['inner']}/broker/{self._wiring.namespace}"
        brokers = [
            {"name": broker.name, "topic": broker.topic, "ingress": f"{ingress}/{broker.name}"}
            for broker in self._wiring.brokers.values()
        ]
        where = self._kafka or "embedded log"
        return {"urls": self.urls, "pid": os.getpid(), "topics_in": where, "brokers": brokers}

    async def _keep_scale(self) -> None:
        for revision in self._revisions.values():
            if revision.service.min_scale:
                with contextlib.suppress(Exception):  # shown on the status page; a request tries again
                    await revision.start()
        while True:
            await asyncio.sleep(REAP_SECONDS)
            for revision in self._revisions.values():
                revision.reap()
            await asyncio.gather(*(revision.probe() for revision in self._revisions.values()))

    async def _keep_retention(self) -> None:
        while True:
            try:
                now = int(time.time() * 1000)
                before = {name: now - retention_ms(topic) for name, topic in self._wiring.topics.items()}
                await self._topics.forget(before=before)
            except TopicsUnavailable as error:  # a full disk: tried again later; meanwhile the records stay
                self._problems.add("topics", str(error))
            await asyncio.sleep(FORGET_SECONDS)

    def _remember(self) -> None:
        pids = {f"{name}/{pid}": pid for name, revision in self._revisions.items() for pid in revision.pids()}
        self._state.remember_processes(pids)
