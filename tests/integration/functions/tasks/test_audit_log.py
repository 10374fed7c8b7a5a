"""/v1/audit and /v1/tasks/{id}/history: what the audit function recorded of this API's own events."""

import json
from uuid import uuid4

import pytest

from functions.audit.handler import handle
from shared.db.uow import UnitOfWork
from shared.messaging.cloudevent import CloudEvent
from shared.runtime.event import consume, function
from shared.testing.deliveries import post


@pytest.fixture
def record(database, sim_clock):
    """Delivers every event of a user to `audit`, as its Trigger would."""
    uow = UnitOfWork(database("consumer", clock=sim_clock), source="/taskflow/audit")
    view = function("audit", on_event=consume("audit", handle, uow=uow, mode="record"))

    def run(api):
        sql = "select data, source from outbox where user_id = %s and topic = 'task-events' order by seq, n"
        for text, source in api.owner.execute(sql, (api.user_id,)).fetchall():
            data = json.loads(text)
            event = CloudEvent(id=data["event_id"], source=source, type=data["event_type"], data=data)
            assert post(view, event).status_code == 204

    return run


def test_the_history_of_a_task_is_by_version(api, record):
    task = api.create()
    api.create(title="another")
    path = f"/v1/tasks/{task['id']}"
    api("PATCH", path, {"title": "Water all plants"}, X_Request_Id="request-7")
    api("POST", f"{path}/complete")
    record(api)
    items, cursor = [], ""
    while cursor is not None:
        query = "?limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = api("GET", f"{path}/history{query}").get_json()
        items, cursor = items + page["items"], page["next_cursor"]
    assert [(i["type"].split(".")[3], i["task_version"]) for i in items] == [
        ("created", 1), ("updated", 2), ("completed", 3),
    ]  # fmt: skip
    assert items[1]["changes"] == {"title": {"from": "Water the plants", "to": "Water all plants"}}
    assert items[1]["actor"] == {"kind": "user", "id": api.user_id}
    assert items[1]["request_id"] == "request-7"


def test_a_history_that_has_not_arrived_is_empty_and_an_unknown_task_is_not_found(api, make_api):
    task = api.create()
    assert api("GET", f"/v1/tasks/{task['id']}/history").get_json() == {"items": [], "next_cursor": None}
    assert api("GET", f"/v1/tasks/{uuid4()}/history").status_code == 404
    assert make_api(f"stranger-{uuid4()}")("GET", f"/v1/tasks/{task['id']}/history").status_code == 404


def test_the_log_is_newest_first_and_verifies(api, record):
    for _ in range(3):
        api.create()
    record(api)
    first = api("GET", "/v1/audit?limit=2").get_json()
    rest = api("GET", f"/v1/audit?limit=2&cursor={first['next_cursor']}").get_json()
    assert [i["seq"] for i in first["items"] + rest["items"]] == [3, 2, 1]
    verdict = api("GET", "/v1/audit/verify").get_json()
    head = first["items"][0]["hash"]
    assert verdict == {"valid": True, "entries": 3, "head": head, "broken_at": None, "next_cursor": None}


def test_verify_says_where_the_chain_breaks(api, record):
    for _ in range(3):
        api.create()
    record(api)
    api.owner.execute("update audit_entries set entry = '{}' where user_id = %s and seq = 2", (api.user_id,))
    verdict = api("GET", "/v1/audit/verify").get_json()
    assert (verdict["valid"], verdict["broken_at"]) == (False, 2)


def test_an_empty_log_is_valid(api):
    assert api("GET", "/v1/audit").get_json() == {"items": [], "next_cursor": None}
    body = {"valid": True, "entries": 0, "head": "00" * 32, "broken_at": None, "next_cursor": None}
    assert api("GET", "/v1/audit/verify").get_json() == body


def test_another_users_log_is_not_there(api, make_api, record):
    api.create()
    record(api)
    stranger = make_api(f"stranger-{uuid4()}")
    assert stranger("GET", "/v1/audit").get_json()["items"] == []
    assert stranger("GET", "/v1/audit/verify").get_json()["entries"] == 0


@pytest.mark.parametrize("query", ["cursor=!!", "cursor=W10", "limit=-1", "before=3"])
def test_a_wrong_query_is_refused(api, query):
    assert api("GET", f"/v1/audit?{query}").status_code == 400
