"""A real receiver on loopback, and the notifications function with its sender."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from functions.notifications.courier import Courier
from functions.notifications.handler import handle
from functions.notifications.safe_http import post
from functions.notifications.sender import Sender
from functions.notifications.tick import Tick
from functions.tasks.webhooks import verbs as webhook_verbs
from functions.tasks.webhooks.policy import Policy
from shared.runtime.event import consume, function, tick
from shared.runtime.sealing import Sealer
from shared.testing.deliveries import CAUSE

KEY = Sealer.new_key()


@dataclass
class Receiver:
    """What arrived, and what to answer: a status, or (status, headers) from `answers`, then 204."""

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.requests]

    @property
    def effects(self) -> set[str]:
        """What a receiver that honours webhook-id does."""
        return set(self.ids)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            made.hold.wait(20)
            answer = made.answers.pop(0) if made.answers else 204
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_port}/hook?team=1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield made
        finally:
            made.hold.set()
            server.shutdown()
            thread.join()


@dataclass
class World:
    """The function, its parts, and a user's endpoints."""

    uow: Any
    courier: Courier
    sender: Sender
    view: Any
    policy: Policy
    api: Any
    timeout: float = 2.0  # seconds of an attempt

    def endpoint(self, user_id: str, url: str, *events: str) -> Any:
        given = {"url": url, "events": list(events or ("*",))}
        with self.api.write(user_id, CAUSE) as tx:
            return webhook_verbs.create(tx, given, policy=self.policy)

    def deliver(self, user_id: str) -> list[Any]:
        """Every due delivery of the user, one after the other, in this thread."""
        results = []
        while (assignment := self.courier.claim(user_id)) is not None:
            results.append(self.courier.carry(assignment))
        return results


@pytest.fixture
def world(uow: Callable[..., Any]) -> Iterator[World]:
    consumer, api = uow("consumer"), uow("api")
    sealer = Sealer(KEY)

    def send(url: str, body: bytes, *, headers: dict[str, str]) -> Any:
        return post(url, body, headers=headers, allow_loopback=True, timeout=made.timeout)

    courier = Courier(consumer, sealer, post=send, draw=lambda: 0.0)
    sender = Sender(courier)
    on_event = consume("notifications", partial(handle, notify=sender.notify), uow=consumer, mode="record")
    made = World(
        uow=consumer,
        courier=courier,
        sender=sender,
        view=function(
            "notifications",
            on_event=on_event,
            on_tick=tick("notifications", Tick(consumer, sender).run),
        ),
        policy=Policy(sealer, allow_loopback=True),
        api=api,
    )
    yield made
    sender.stop()


@pytest.fixture
def write_only(world: World) -> Any:
    """The event path alone: rows are written and nobody is told."""
    unheard = partial(handle, notify=lambda _user_id: None)
    return function("notifications", on_event=consume("notifications", unheard, uow=world.uow, mode="record"))


@pytest.fixture
def deliveries(rows: Any) -> Any:
    def of(user_id: str) -> list[tuple[Any, ...]]:
        columns = "state, attempts, response_status, next_attempt_at"
        return rows(f"select {columns} from deliveries where user_id = %s order by id", user_id)

    return of
