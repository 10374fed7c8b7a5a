"""A pod that does the job of the Kafka data plane where its controllers cannot be installed.

`python -m scripts.cluster.stand_in`: reads the manifests that are mounted below MANIFESTS, consumes the
topics of KAFKA_BOOTSTRAP_SERVERS with the delivery code of the local platform, and POSTs to the Services'
cluster-local addresses; `/status.json` shows lags and dead letters. deploy-local.sh starts it on a cluster
without KafkaSource, as one replica; no chart renders it.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from scripts.local.asgi import Server
from scripts.local.delivery import Deliverer
from scripts.local.destinations import Destinations, Reachable
from scripts.local.feeds import RunningFeed
from scripts.local.http_client import Exchange, Request, connect
from scripts.local.kafka_log import KafkaTopics
from scripts.local.manifests import load
from scripts.local.model import Feed, ManifestError, Wiring
from scripts.local.status import Problems, Status
from scripts.local.topics import Topics, TopicsUnavailable, UnknownTopic

PORT = 8080
_HTTP = 80

log = logging.getLogger("taskflow.stand-in")


class ClusterService:
    """A Service as the cluster's DNS names it; Knative starts it when it is at zero."""

    def __init__(self, host: str, port: int = _HTTP) -> None:
        self._host, self._port = host, port

    @contextlib.asynccontextmanager
    async def exchange(self, request: Request) -> AsyncIterator[Exchange]:
        """One request on a connection of its own."""
        exchange = await connect(self._host, self._port)
        try:
            await exchange.start(request)
            yield exchange
        finally:
            await exchange.close()

    def body(self, exchange: Exchange) -> AsyncIterator[bytes]:
        """As it comes; the delivery's timeout bounds it."""
        return exchange.body()


class StandIn:
    """All feeds of the wiring over one Kafka."""

    def __init__(self, wiring: Wiring, topics: Topics, services: Mapping[str, Reachable]) -> None:
        self._wiring, self._topics, self._problems = wiring, topics, Problems()
        self._destinations = Destinations(wiring, topics, services)
        self._feeds = [self._feed(feed) for feed in wiring.feeds]

    async def open(self) -> None:
        """Every group takes up its work; raises UnknownTopic for a topic that nobody has created."""
        for feed in self._feeds:
            await feed.open(self._topics)

    async def close(self) -> None:
        """Stops where it stands: what is in flight is delivered again by the next."""
        await asyncio.gather(*(feed.close() for feed in self._feeds))
        await self._topics.close()

    def status(self) -> Status:
        """What the port shows."""
        return Status(
            topics=self._topics,
            revisions={},
            feeds=self._feeds,
            ticks={},
            problems=self._problems,
            database=None,
            facts={"part": "data plane stand-in"},
            logs=Path("/nonexistent"),
        )

    def _feed(self, feed: Feed) -> RunningFeed:
        def report(message: str) -> None:
            running.complain(message)
            self._problems.add(f"{feed.kind} {feed.name}", message)
            log.warning("%s %s: %s", feed.kind, feed.name, message)

        deliverer = Deliverer(feed, self._destinations, namespace=self._wiring.namespace, report=report)
        running = RunningFeed(feed, deliverer, namespace=self._wiring.namespace)
        return running


def services(wiring: Wiring, domain: str = "svc.cluster.local") -> dict[str, ClusterService]:
    """Every Service of the wiring, under the name that the cluster's DNS has for it."""
    return {name: ClusterService(f"{name}.{wiring.namespace}.{domain}") for name in wiring.services}


async def run(wiring: Wiring, servers: str, port: int) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    topics = KafkaTopics(servers)
    await topics.discover()
    stand_in = StandIn(wiring, topics, services(wiring))
    with socket.create_server(("0.0.0.0", port)) as listener:  # noqa: S104  # a pod's own address
        await stand_in.open()
        server = Server(stand_in.status(), listener)
        await server.open()
        log.warning("deliveries begin")
        await stop.wait()
        await server.close()
        await stand_in.close()


def main() -> int:
    """1 with one line when the manifests, Kafka or a topic are not as they must be: the pod starts again."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(run(load(Path(os.environ["MANIFESTS"])), os.environ["KAFKA_BOOTSTRAP_SERVERS"], PORT))
    except (ManifestError, TopicsUnavailable, UnknownTopic) as error:
        print(f"stand-in: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
