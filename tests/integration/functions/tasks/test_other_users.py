"""Nobody meets another user's objects: every route with an id, and every list, as the URL map has them.

A route that is added without a case here fails `test_every_route_has_a_case`.
"""

import json
import re
from uuid import UUID, uuid4

import pytest

from functions.tasks.edge.routing import auth_of
from scripts.contract.openapi_document import application
from shared.domain.identity import uuid7

# Route → a body that its owner could send; None where there is none.
BY_ID = {
    "GET /v1/tasks/{task_id}": None,
    "PATCH /v1/tasks/{task_id}": {"title": "mine now"},
    "DELETE /v1/tasks/{task_id}": None,
    "POST /v1/tasks/{task_id}/complete": None,
    "POST /v1/tasks/{task_id}/skip": None,
    "POST /v1/tasks/{task_id}/reopen": None,
    "POST /v1/tasks/{task_id}/restore": None,
    "POST /v1/tasks/{task_id}/snooze": {"minutes": 5},
    "GET /v1/tasks/{task_id}/history": None,
    "GET /v1/series/{series_id}": None,
    "PATCH /v1/series/{series_id}": {"title": "mine now"},
    "DELETE /v1/series/{series_id}": None,
    "GET /v1/series/{series_id}/occurrences": None,
    "POST /v1/series/{series_id}/resume": None,
    "POST /v1/notifications/{notification_id}/read": None,
    "GET /v1/webhooks/{webhook_id}": None,
    "PATCH /v1/webhooks/{webhook_id}": {"url": "https://mine.example/"},
    "DELETE /v1/webhooks/{webhook_id}": None,
    "GET /v1/webhooks/{webhook_id}/deliveries": None,
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend": None,
}
LISTS = ("GET /v1/tasks", "GET /v1/webhooks", "GET /v1/notifications", "GET /v1/audit")
# What concerns the caller alone: nothing of another user can be named.
OWN = {
    "GET /v1/settings",
    "PUT /v1/settings",
    "GET /v1/audit/verify",
    "POST /v1/tasks",
    "POST /v1/webhooks",
    "POST /v1/recurrence/preview",
}
ENTRY = {
    "seq": 1,
    "event_id": str(UUID(int=1)),
    "type": "io.taskflow.task.created.v1",
    "actor": {"kind": "user", "id": "x"},
    "task_id": str(UUID(int=2)),
    "task_version": 1,
    "occurred_at": "2026-01-01T00:00:00Z",
    "recorded_at": "2026-01-01T00:00:00Z",
    "request_id": None,
    "changes": {},
    "detail": {},
}
COMMAND = "POST /"  # names its task in the body: tested below
COMMANDS = {"update": {"title": "mine now"}, "complete": {}, "delete": {}}


def routes_of_users():
    app = application()
    for rule in app.url_map.iter_rules():
        if auth_of(app).get(rule.endpoint) == "user":
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            yield from (f"{method} {path}" for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


@pytest.fixture
def theirs(api, rows, user_id):
    """Ids of objects of `api`'s user by parameter, one of each noun that a route names."""
    task = api.create(due="2026-01-02T09:00", timezone="UTC", recurrence={"rrule": "FREQ=DAILY"})
    webhook = api("POST", "/v1/webhooks", {"url": "http://127.0.0.1:1/", "events": ["*"]}).get_json()["id"]
    made = {"task_id": task["id"], "series_id": task["series_id"], "webhook_id": webhook}
    for name in ("notification_id", "delivery_id"):
        made[name] = str(uuid4())
    rows(
        "insert into notifications (user_id, id, event_id, event_type, title, created_at)"
        " values (%s, %s, %s, 'x', 'secret', '2026-01-01Z')",
        user_id,
        made["notification_id"],
        uuid4(),
    )
    rows(
        "insert into deliveries (user_id, id, event_id, event_type, channel, recipient, payload, state,"
        " created_at, updated_at) values (%s, %s, %s, 'x', 'webhook', %s, '{}', 'failed', '2026-01-01Z',"
        " '2026-01-01Z')",
        user_id,
        made["delivery_id"],
        uuid4(),
        webhook,
    )
    rows("insert into audit_entries (user_id, seq, event_id, type, occurred_at, recorded_at, entry, hash)"
         " values (%s, 1, %s, 'x', '2026-01-01Z', '2026-01-01Z', %s, 'h')", user_id, uuid4(),
         json.dumps(ENTRY | {"user_id": user_id}))  # fmt: skip
    return made


@pytest.fixture
def state(rows, user_id):
    """Everything that user has, as text, to be compared."""

    def of():
        tables = ("tasks", "series", "occurrences", "webhooks", "notifications", "deliveries", "outbox")
        return [
            rows(f"select t::text from {table} t where user_id = %s order by 1", user_id) for table in tables
        ]

    return of


def test_every_route_has_a_case():
    assert sorted(routes_of_users()) == sorted([*BY_ID, *LISTS, *OWN, COMMAND])
    with_id = {route for route in routes_of_users() if "{" in route}
    assert with_id == set(BY_ID)


@pytest.mark.parametrize("route", BY_ID)
def test_another_users_object_does_not_exist(route, theirs, state, make_api):
    method, path = route.split()
    before = state()

    answer = make_api("mallory")(method, path.format(**theirs), BY_ID[route])
    nothing = make_api("mallory")(
        method, path.format(**dict.fromkeys(theirs, str(UUID(int=7)))), BY_ID[route]
    )

    assert answer.status_code == 404
    assert (answer.get_json()["code"], nothing.status_code) == (nothing.get_json()["code"], 404)
    assert state() == before


@pytest.mark.parametrize("route", BY_ID)
def test_its_owner_finds_it(route, theirs, api):
    """So that the 404 above is the wall and not a wrong path."""
    method, path = route.split()

    assert api(method, path.format(**theirs), BY_ID[route]).status_code in {200, 202, 204, 409}


@pytest.mark.parametrize("parameter", ["webhook_id", "delivery_id"])
def test_one_foreign_id_of_two_is_enough(parameter, theirs, make_api, api):
    """A path with two ids: one's own endpoint does not open another user's delivery, nor the reverse."""
    mallory = make_api("mallory")
    own = mallory("POST", "/v1/webhooks", {"url": "http://127.0.0.1:1/", "events": ["*"]}).get_json()["id"]
    ids = {"webhook_id": own, "delivery_id": str(uuid4())} | {parameter: theirs[parameter]}
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend"

    assert mallory("POST", path.format(**ids)).status_code == 404


@pytest.mark.parametrize("route", LISTS)
def test_a_list_has_nothing_of_others(route, theirs, make_api, api):
    method, path = route.split()

    assert len(api(method, path).get_json()["items"]) == 1
    assert make_api("somebody-else")(method, path).get_json()["items"] == []


@pytest.mark.parametrize("parameter", ["task_id", "series_id"])
def test_a_parent_that_is_another_users_is_not_found(parameter, theirs, make_api):
    """Ids in bodies and queries are no way in either."""
    mallory = make_api("mallory")

    assert mallory("POST", "/v1/tasks", {"title": "x", "parent_id": theirs[parameter]}).status_code in {
        404,
        422,
    }
    assert mallory("GET", f"/v1/tasks?parent_id={theirs[parameter]}").get_json()["items"] == []


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_command_for_another_users_task_finds_nothing(verb, theirs, state, make_api, sim_clock):
    before = state()
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid7(sim_clock.now)),
        "ce_source": "/tests",
        "ce_type": f"io.taskflow.task.{verb}.v1",
        "ce_subject": theirs["task_id"],
    }

    assert make_api("mallory")("POST", "/", COMMANDS[verb], **headers).status_code == 404
    assert state() == before
