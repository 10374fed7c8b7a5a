"""Composes the local platform and keeps it running; `scripts/run` calls `main`.

Order: lock, ports, manifests, database, topics, listeners, feeds and ticks; ended in reverse.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from socket import socket

from scripts.local.asgi import App, Server, guarded, listen
from scripts.local.delivery import Deliverer
from scripts.local.destinations import Destinations
from scripts.local.doors import Doors
from scripts.local.environment import environment, overrides
from scripts.local.feeds import RunningFeed
from scripts.local.gateway import Gateway
from scripts.local.issuer import issuer
from scripts.local.log import EmbeddedTopics
from scripts.local.manifests import load
from scripts.local.model import Feed, ManifestError, SecretRef, Wiring
from scripts.local.process import Launch
from scripts.local.revision import Revision
from scripts.local.state import PROJECT, InUse, State, home
from scripts.local.status import Problems, Status
from scripts.local.ticks import RunningTick
from scripts.local.topics import Topics, TopicsUnavailable

DATABASE_SECRET = "taskflow-database"


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/run", description="The local platform (docs/local-platform.md)."
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="gateway; +1 cluster-local, +2 status (default 8080)"
    )
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="keep topics in this Kafka, not in the embedded log"
    )
    parser.add_argument("--data", metavar="DIR", help="state directory (default TASKFLOW_HOME or .taskflow/)")
    parser.add_argument("--reset", action="store_true", help="forget all state first")
    parser.add_argument("--no-scale-to-zero", action="store_true", help="a process once started stays")
    parser.add_argument(
        "--manifests", metavar="DIR", default=str(PROJECT), help="holds knative/ and eventing/"
    )
    parser.add_argument(
        "--default-service", default="tasks", help="answers for any other Host (default tasks)"
    )
    return parser.parse_args(arguments)


class Platform:
    """Everything that runs, in one event loop."""

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
    ) -> None:
        self._wiring, self._state, self._topics = wiring, state, topics
        self.urls = {
            "gateway": f"http://127.0.0.1:{port}",
            "inner": f"http://127.0.0.1:{port + 1}",
            "status": f"http://127.0.0.1:{port + 2}",
        }
        keys = issuer(state.directory)
        local = overrides(
            kafka=kafka or self.urls["inner"], inner=self.urls["inner"], gateway=self.urls["gateway"]
        )
        self._problems = Problems()
        self._revisions = {
            name: Revision(
                service,
                Launch(
                    name,
                    service.command,
                    environment(service, state, local=local),
                    service.readiness,
                    state.logs / f"{name}.log",
                ),
                scale_to_zero=scale_to_zero,
                changed=self._remember,
            )
            for name, service in wiring.services.items()
        }
        destinations = Destinations(wiring, topics, self._revisions)
        self._feeds = [self._feed(feed, destinations) for feed in wiring.feeds]
        self._ticks = {
            name: RunningTick(tick, destinations, namespace=wiring.namespace)
            for name, tick in wiring.ticks.items()
        }
        self._apps: tuple[App, ...] = (
            Gateway(self._revisions, namespace=wiring.namespace, default=default_service),
            guarded(
                Doors(
                    wiring,
                    topics=topics,
                    revisions=self._revisions,
                    destinations=destinations,
                    jwks=keys.jwks,
                )
            ),
            guarded(
                Status(
                    topics=topics,
                    revisions=self._revisions,
                    feeds=self._feeds,
                    ticks=self._ticks,
                    problems=self._problems,
                    facts={
                        "urls": self.urls,
                        "pid": os.getpid(),
                        "topics_in": kafka or "embedded log",
                        "brokers": self._brokers(),
                    },
                    logs=state.logs,
                )
            ),
        )
        self._servers: list[Server] = []
        self._reaper: asyncio.Task[None] | None = None

    async def open(self, listeners: list[socket]) -> None:
        """Serves when it returns."""
        await self._topics.ensure(self._wiring.topics)
        self._servers = [Server(app, listener) for app, listener in zip(self._apps, listeners, strict=True)]
        for server in self._servers:
            await server.open()
        for feed in self._feeds:
            await feed.open(self._topics)
        for tick in self._ticks.values():
            tick.open()
        self._reaper = asyncio.create_task(self._reap())

    async def close(self) -> None:
        """Ends what was opened, in reverse; safe after a failed open."""
        if self._reaper is not None:
            self._reaper.cancel()
        await asyncio.gather(*(tick.close() for tick in self._ticks.values()))
        await asyncio.gather(*(feed.close() for feed in self._feeds))
        await asyncio.gather(*(server.close() for server in self._servers))
        await asyncio.gather(*(revision.close() for revision in self._revisions.values()))
        await self._topics.close()

    def _brokers(self) -> list[dict[str, str]]:
        ingress = f"{self.urls['inner']}/broker/{self._wiring.namespace}"
        return [
            {"name": broker.name, "topic": broker.topic, "ingress": f"{ingress}/{broker.name}"}
            for broker in self._wiring.brokers.values()
        ]

    def _feed(self, feed: Feed, destinations: Destinations) -> RunningFeed:
        """The deliverer's reports go to the feed and to the page."""

        def report(message: str) -> None:
            running.complain(message)
            self._problems.add(f"{feed.kind} {feed.name}", message)
            if " LOST" in message:
                say(f"!! {feed.kind} {feed.name}: {message}")

        deliverer = Deliverer(feed, destinations, namespace=self._wiring.namespace, report=report)
        running = RunningFeed(feed, deliverer, namespace=self._wiring.namespace)
        return running

    async def _reap(self) -> None:
        for revision in self._revisions.values():
            if revision.service.min_scale:
                with contextlib.suppress(Exception):  # shown on the status page; the next request tries again
                    await revision.start()
        while True:
            await asyncio.sleep(0.25)
            for revision in self._revisions.values():
                revision.reap()

    def _remember(self) -> None:
        pids = {f"{name}/{pid}": pid for name, revision in self._revisions.items() for pid in revision.pids()}
        self._state.remember_processes(pids)


def say(line: str) -> None:
    print(line, flush=True)


async def serve(
    choice: argparse.Namespace, state: State, *, wiring: Wiring, listeners: list[socket], began: float
) -> None:
    """Until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    platform = Platform(
        wiring,
        state,
        port=choice.port,
        topics=_topics(choice, state),
        kafka=choice.kafka,
        scale_to_zero=not choice.no_scale_to_zero,
        default_service=choice.default_service,
    )
    try:
        await platform.open(listeners)
        state.announce(
            {"pid": os.getpid(), "urls": platform.urls, "topics_in": choice.kafka or "embedded log"}
        )
        _welcome(platform.urls, wiring, state, seconds=time.time() - began)
        await stop.wait()
        say("stopping …")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: None)  # a second Ctrl-C must not leave processes behind
        await platform.close()
        state.withdraw()


def main(arguments: list[str]) -> int:
    """Exit code 0 after a clean stop, 1 with one line (manifests: one per problem) when it cannot start."""
    began = float(os.environ.pop("TASKFLOW_BEGAN", time.time()))
    choice = options(arguments)
    state = State(home(choice.data))
    try:
        with state.lock(), contextlib.ExitStack() as stack:
            if choice.reset:
                state.reset()
                say(f"state   {state.directory} wiped")
            state.make()
            _log_to(state.logs / "platform.log")
            listeners = [
                stack.enter_context(contextlib.closing(listen(choice.port + n, "--port"))) for n in range(3)
            ]
            wiring = load(Path(choice.manifests))
            say(
                f"loaded  {len(wiring.services)} services, {len(wiring.feeds)} sources and triggers, "
                f"{len(wiring.ticks)} ticks, {len(wiring.topics)} topics"
            )
            for name in state.end_leftovers():
                say(f"ended   {name}, left behind by a platform that was killed")
            _database(wiring, state, stack)
            asyncio.run(serve(choice, state, wiring=wiring, listeners=listeners, began=began))
    except (InUse, ManifestError, TopicsUnavailable) as error:
        print(f"scripts/run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # during the start, before serve() took the signals over
        return 130
    say("stopped")
    return 0


def _topics(choice: argparse.Namespace, state: State) -> Topics:
    if choice.kafka:
        from scripts.local.kafka_log import KafkaTopics  # 90 ms that the embedded log need not pay

        kafka: Topics = KafkaTopics(choice.kafka)
        return kafka
    return EmbeddedTopics(state.topics)


def _database(wiring: Wiring, state: State, stack: contextlib.ExitStack) -> None:
    """The embedded PostgreSQL, if any Service asks for it; its DSNs become secrets."""
    wanted = {
        value
        for service in wiring.services.values()
        for _, value in service.env
        if isinstance(value, SecretRef) and value.name == DATABASE_SECRET
    }
    if not wanted:
        return
    from scripts.local.postgres import EmbeddedPostgres  # SQLAlchemy and Alembic: only with a database

    began = time.monotonic()
    say("starting PostgreSQL …")
    server = EmbeddedPostgres(state.database)
    stack.callback(server.stop)
    dsns: Mapping[str, str] = server.start()
    for role, dsn in dsns.items():
        state.write_secret(SecretRef(DATABASE_SECRET, role), dsn)
    say(f"ready   PostgreSQL, migrated, in {time.monotonic() - began:.1f} s")


def _welcome(urls: Mapping[str, str], wiring: Wiring, state: State, *, seconds: float) -> None:
    public = sorted(name for name, service in wiring.services.items() if service.public)
    port = urls["gateway"].rpartition(":")[2]
    say(
        f"gateway {urls['gateway']}   (or by name: "
        + ", ".join(f"http://{name}.{wiring.namespace}.localhost:{port}" for name in public)
        + ")"
    )
    say(f"inside  {urls['inner']}   cluster-local services, ingresses, JWKS")
    say(f"status  {urls['status']}   logs in {state.logs}")
    say(f"ready in {seconds:.1f} s; Ctrl-C stops everything")


def _log_to(path: Path) -> None:
    """Library warnings and tracebacks of the platform itself; the console keeps the progress lines."""
    logging.basicConfig(
        filename=path, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
