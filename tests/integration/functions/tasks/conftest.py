"""The task API in this process: real routes, real tokens, real PostgreSQL; nothing is published."""

import json as jsonlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from functions.recurrence.handler import ACCEPTS, handle
from functions.tasks.app import build
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor
from shared.runtime.received import interpret
from shared.runtime.sealing import Sealer
from shared.testing.jwt import TestIssuer
from tests.answers import ContractClient


@dataclass
class Api:
    """An authenticated client of one user, and that user's world around it."""

    client: Any
    token: str
    user_id: str
    consumer: UnitOfWork
    owner: Any

    def __call__(self, method: str, path: str, json: Any = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {self.token}"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.client.open(path, method=method, json=json, headers=sent)

    def create(self, **fields: Any) -> dict[str, Any]:
        response = self("POST", "/v1/tasks", {"title": "Water the plants"} | fields)
        assert response.status_code == 201, response.text
        return response.get_json()

    def get(self, task_id: str) -> dict[str, Any]:
        return self("GET", f"/v1/tasks/{task_id}").get_json()

    def open_tasks(self) -> list[dict[str, Any]]:
        return self("GET", "/v1/tasks?status=open&sort=due").get_json()["items"]

    def events(self, *types: str) -> list[dict[str, Any]]:
        """The data of the user's outbox rows in order, of the short types given (or all)."""
        rows = self.owner.execute(
            "select type, data from outbox where user_id = %s order by seq, n", (self.user_id,)
        ).fetchall()
        short = [(t.split(".", 2)[2].rpartition(".")[0], data) for t, data in rows]
        return [jsonlib.loads(data) for name, data in short if not types or name in types]

    def expand(self) -> None:
        """Deliver what the Trigger of `recurrence` lets through, all of it again."""
        from shared.messaging.cloudevent import CloudEvent

        found = self.owner.execute(
            """select data from outbox where user_id = %s and 'recurring' = any(extensions) and type = any(%s)
               order by seq, n""",
            (self.user_id, list(ACCEPTS)),
        ).fetchall()
        for data in (jsonlib.loads(text) for (text,) in found):
            event = CloudEvent(
                id=data["event_id"], source="/taskflow/tasks", type=data["event_type"], data=data
            )
            with self.consumer.write(self.user_id, Cause(Actor("function", "recurrence"))) as tx:
                handle(interpret(event, accepts=None), tx)


@pytest.fixture
def make_api(database: Callable[..., Any], dsns: Any, sim_clock: Any) -> Any:
    """`make_api(user_id)`: that user's client; time is `sim_clock`."""
    import psycopg

    issuer = TestIssuer()
    uow = UnitOfWork(database("api", clock=sim_clock), source="/taskflow/tasks")
    consumer = UnitOfWork(database("consumer", clock=sim_clock), source="/taskflow/recurrence")
    app = build(uow, issuer.verifier(), sealer=Sealer(Sealer.new_key()), allow_loopback=True)
    app.test_client_class = ContractClient
    with psycopg.connect(
        dsns["admin"], dbname=psycopg.conninfo.conninfo_to_dict(dsns["owner"])["dbname"]
    ) as owner:
        owner.autocommit = True

        def make(user_id: str) -> Api:
            return Api(app.test_client(), issuer.token(user_id), user_id, consumer, owner)

        yield make


@pytest.fixture
def api(make_api: Any, user_id: str) -> Api:
    return make_api(user_id)
