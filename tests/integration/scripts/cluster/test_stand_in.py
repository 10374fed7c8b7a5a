"""The data plane's stand-in with the real manifests: what it POSTs where, and what happens to a refusal."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.bootstrap import PROJECT
from scripts.cluster.stand_in import ClusterService, StandIn, services
from scripts.local.log import EmbeddedTopics
from scripts.local.manifests import load
from scripts.local.topics import NewRecord

WIRING = load(PROJECT)


@dataclass
class Gateway:
    """Answers as the cluster's gateway would: every Service by its Host header."""

    port: int = 0
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str], int] = lambda _host: 204


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            host = self.headers["host"]
            found.requests.append((host, self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(found.answer(host))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def event(kind, **extensions):
    attributes = {"specversion": "1.0", "id": "1", "source": "/test", "type": kind, **extensions}
    headers = tuple((f"ce_{name}", text.encode()) for name, text in attributes.items())
    return NewRecord("task-events", b"ada", (*headers, ("content-type", b"application/json")), b"{}")


def run(tmp_path, gateway, work):
    async def session():
        topics = EmbeddedTopics(tmp_path / "topics")
        await topics.ensure(tuple(WIRING.topics.values()))
        reachable = {name: ClusterService("127.0.0.1", gateway.port) for name in WIRING.services}
        stand_in = StandIn(WIRING, topics, reachable)
        await stand_in.open()
        try:
            await work(stand_in, topics)
        finally:
            await stand_in.close()

    asyncio.run(session())


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - nothing tells when a delivery has ended
            await asyncio.sleep(0.02)


async def settled(stand_in):
    document = await stand_in.status().document()
    rows = [*document["sources"].values(), *document["triggers"].values()]
    return document if all(row["lag"] == 0 for row in rows) else None


def test_an_event_goes_to_the_services_whose_triggers_want_it(tmp_path, gateway):
    async def work(stand_in, topics):
        await topics.append([event("io.taskflow.task.completed.v1", recurring="true")])
        await until(lambda: settled(stand_in))

    run(tmp_path, gateway, work)
    hosts = sorted(host for host, _, _ in gateway.requests)
    assert hosts == ["audit.todo-app.svc.cluster.local", "recurrence.todo-app.svc.cluster.local"]
    (headers, *_) = [headers for _, _, headers in gateway.requests]
    assert headers["ce-type"] == "io.taskflow.task.completed.v1"
    assert headers["kn-namespace"] == "todo-app"


def test_a_refusal_becomes_a_dead_letter_which_goes_to_relay(tmp_path, gateway):
    gateway.answer = lambda host: 422 if host.startswith("audit.") else 204

    async def work(stand_in, topics):
        await topics.append([event("io.taskflow.task.created.v1")])

        async def relayed():
            return any(host.startswith("relay.") for host, _, _ in gateway.requests)

        await until(relayed)
        await until(lambda: settled(stand_in))
        document = await stand_in.status().document()
        assert document["dead_letters"]["task-events-dlq"] == 1
        assert document["lost_events"] == 0
        assert json.dumps(document)

    run(tmp_path, gateway, work)
    (letter,) = [headers for host, _, headers in gateway.requests if host.startswith("relay.")]
    assert letter["ce-knativeerrorcode"] == "422"
    assert letter["ce-knativeerrordest"] == "http://audit.todo-app.svc.cluster.local/"


def test_a_service_that_nobody_answers_for_is_tried_again(tmp_path, gateway):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]

    async def session():
        topics = EmbeddedTopics(tmp_path / "topics")
        await topics.ensure(tuple(WIRING.topics.values()))
        places = {name: ClusterService("127.0.0.1", gateway.port) for name in WIRING.services}
        places["audit"] = ClusterService("127.0.0.1", nobody)
        stand_in = StandIn(WIRING, topics, places)
        await stand_in.open()
        await topics.append([event("io.taskflow.task.created.v1")])

        async def complained():
            document = await stand_in.status().document()
            error = document["triggers"]["audit"]["last_error"]
            return error and "again in" in error["message"]

        await until(complained)
        document = await stand_in.status().document()
        assert document["triggers"]["audit"]["lag"] == 1
        await stand_in.close()

    asyncio.run(session())


def test_services_have_the_names_that_the_clusters_dns_gives_them():
    found = services(WIRING)
    assert set(found) == set(WIRING.services)
    assert found["tasks"]._host == "tasks.todo-app.svc.cluster.local"
