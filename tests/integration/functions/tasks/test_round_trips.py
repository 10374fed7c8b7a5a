"""How often a request speaks to the database: each time costs a network's way there and back."""

import pytest

from functions.tasks.app import build
from shared.db.pool import Database
from shared.db.uow import UnitOfWork
from shared.runtime.sealing import Sealer
from shared.testing.jwt import TestIssuer
from tests.integration.wire import Wire

# BEGIN (with the account and the key) and COMMIT (with the events) are two of them. More is a decision.
COSTS = {
    "create": 4,
    "create once": 6,
    "repeat": 3,
    "get": 5,
    "list": 5,
    "patch": 7,
    "complete": 8,
    "reopen": 7,
    "delete": 8,
}


@pytest.fixture
def call(dsns, user_id):
    """`call(method, path, json, **headers)`: the answer's JSON, and the round trips it took."""
    wire, issuer = Wire(dsns["api"]), TestIssuer()
    database = Database(wire.dsn, max_size=1)
    app = build(
        UnitOfWork(database, source="/taskflow/tasks"),
        issuer.verifier(),
        sealer=Sealer(Sealer.new_key()),
        allow_loopback=False,
    )
    token = issuer.token(user_id)

    def send(method, path, json=None, **headers):
        before = wire.round_trips
        sent = {"Authorization": f"Bearer {token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        response = app.test_client().open(path, method=method, json=json, headers=sent)
        assert response.status_code < 300, response.text
        return response.get_json(), wire.round_trips - before

    send("GET", "/v1/tasks")  # the connection
    yield send
    database.close()
    wire.close()


def test_what_each_request_may_cost(call):
    task, creating = call("POST", "/v1/tasks", {"title": "x"})
    path = f"/v1/tasks/{task['id']}"
    found = {
        "create": creating,
        "create once": call("POST", "/v1/tasks", {"title": "y"}, Idempotency_Key="k")[1],
        "repeat": call("POST", "/v1/tasks", {"title": "y"}, Idempotency_Key="k")[1],
        "get": call("GET", path)[1],
        "list": call("GET", "/v1/tasks")[1],
        "patch": call("PATCH", path, {"title": "z"})[1],
        "complete": call("POST", f"{path}/complete")[1],
        "reopen": call("POST", f"{path}/reopen")[1],
        "delete": call("DELETE", path)[1],
    }
    assert found == COSTS
