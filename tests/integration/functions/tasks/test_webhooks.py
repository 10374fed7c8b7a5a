"""/v1/webhooks: endpoints, their secrets, their deliveries, and what follows for the account."""

from uuid import UUID, uuid4

import pytest

from shared.db.repositories.deliveries import Deliveries
from shared.db.uow import UnitOfWork
from shared.domain.identity import uuid7
from shared.domain.webhook import parse_secret
from shared.testing.deliveries import CAUSE

URL = "https://hooks.example.com/in"


@pytest.fixture
def create(api):
    def make(url=URL, events=("task.*",), **headers):
        return api("POST", "/v1/webhooks", {"url": url, "events": list(events)}, **headers)

    return make


@pytest.fixture
def patterns(api):
    def of():
        sql = "select webhook_events from accounts where user_id = %s"
        return api.owner.execute(sql, (api.user_id,)).fetchone()[0]

    return of


@pytest.fixture
def deliver(database, sim_clock):
    """Deliveries for an endpoint, as `notifications` writes them."""
    uow = UnitOfWork(database("consumer", clock=sim_clock), source="/taskflow/notifications")

    def add(user_id, webhook_id, count=1):
        for _ in range(count):
            with uow.record(user_id, CAUSE) as tx:
                event = {"event_type": "io.taskflow.task.updated.v1", "channel": "webhook", "payload": "{}"}
                Deliveries(tx).add(uuid7(tx.now), recipient=webhook_id, **event)
            sim_clock.advance(seconds=1)

    return add


def test_the_secret_is_shown_once(api, create):
    made = create()
    assert made.status_code == 201
    body = made.get_json()
    assert made.headers["Location"] == f"/v1/webhooks/{body['id']}"
    assert made.headers["ETag"] == '"1"'
    assert len(parse_secret(body["secret"])) == 32
    assert (body["url"], body["events"], body["state"]) == (URL, ["task.*"], "enabled")
    shown = api("GET", f"/v1/webhooks/{body['id']}").get_json()
    assert shown == {k: v for k, v in body.items() if k != "secret"}
    assert api("GET", "/v1/webhooks").get_json() == {"items": [shown], "next_cursor": None}
    [(sealed,)] = api.owner.execute(
        "select secret from webhooks where user_id = %s", (api.user_id,)
    ).fetchall()
    assert body["secret"].encode() not in sealed


def test_a_repeat_by_idempotency_key_does_not_show_the_secret_again(api, create):
    first, again = (create(Idempotency_Key="k1") for _ in range(2))
    assert "secret" in first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == {k: v for k, v in first.get_json().items() if k != "secret"}
    stored = api.owner.execute("select body from idempotency where user_id = %s", (api.user_id,)).fetchall()
    assert all("whsec_" not in body for (body,) in stored)


def test_the_account_knows_what_the_enabled_endpoints_ask_for(api, create, patterns):
    first = create(events=["task.completed", "reminder.due"]).get_json()["id"]
    second = create(events=["series.*", "reminder.due"]).get_json()["id"]
    assert patterns() == ["reminder.due", "series.*", "task.completed"]
    api("PATCH", f"/v1/webhooks/{first}", {"state": "disabled"})
    assert patterns() == ["reminder.due", "series.*"]
    api("PATCH", f"/v1/webhooks/{first}", {"state": "enabled", "events": ["account.changed"]})
    assert patterns() == ["account.changed", "reminder.due", "series.*"]
    assert api("DELETE", f"/v1/webhooks/{second}").status_code == 204
    assert patterns() == ["account.changed"]


def test_events_are_flagged_for_matching_endpoints_only(api, create):
    create(events=["task.completed"])
    task = api.create()
    api("POST", f"/v1/tasks/{task['id']}/complete")
    sql = "select type, extensions from outbox where user_id = %s and topic = 'task-events' order by seq, n"
    flags = dict(api.owner.execute(sql, (api.user_id,)).fetchall())
    assert flags["io.taskflow.task.created.v1"] == []
    assert flags["io.taskflow.task.completed.v1"] == ["webhooks"]


def test_every_change_is_an_event_without_the_secret(api, create):
    made = create().get_json()
    path = f"/v1/webhooks/{made['id']}"
    renewed = api("PATCH", path, {"rotate_secret": True, "events": ["series.*"]}).get_json()
    api("DELETE", path)
    events = api.events("account.changed")
    assert [(e["resource"], e["resource_id"], e["action"]) for e in events] == [
        ("webhook", made["id"], action) for action in ("created", "updated", "deleted")
    ]
    assert events[1]["changes"] == {"events": {"from": ["task.*"], "to": ["series.*"]}}
    assert renewed["secret"] != made["secret"]
    assert "whsec_" not in str(events)


def test_a_patch_that_changes_nothing_keeps_the_version(api, create):
    made = create().get_json()
    path = f"/v1/webhooks/{made['id']}"
    assert api("PATCH", path, {"url": URL}).get_json()["version"] == 1
    assert api("PATCH", path, {"url": URL + "2"}, If_Match='"1"').get_json()["version"] == 2
    stale = api("PATCH", path, {"url": URL}, If_Match='"1"')
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    assert api("DELETE", path, If_Match='"1"').status_code == 412


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://example.com/", "events": ["task.*"]}, "url"),
        ({"url": "https://10.0.0.1/", "events": ["task.*"]}, "url"),
        ({"url": "https://example.com:22/", "events": ["task.*"]}, "url"),
        ({"url": 7, "events": ["task.*"]}, "url"),
        ({"events": ["task.*"]}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["task.exploded"]}, "events"),
        ({"url": URL, "events": "task.*"}, "events"),
        ({"url": URL}, "events"),
        ({"url": URL, "events": ["task.*"], "secret": "whsec_mine"}, "secret"),
        ({"url": URL, "events": ["task.*"], "user_id": "other"}, "user_id"),
    ],
)
def test_what_is_wrong_is_named(api, body, field):
    response = api("POST", "/v1/webhooks", body)
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]


@pytest.mark.parametrize("body", [{"state": "broken"}, {"rotate_secret": "yes"}, {"url": None}, {"id": "x"}])
def test_a_wrong_patch_is_refused(api, create, body):
    made = create().get_json()
    assert api("PATCH", f"/v1/webhooks/{made['id']}", body).status_code == 422


def test_there_are_at_most_twenty(api, create):
    for _ in range(20):
        assert create().status_code == 201
    refused = create()
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_webhooks")


def test_deliveries_are_listed_newest_first_in_pages(api, create, deliver):
    webhook_id = create().get_json()["id"]
    deliver(api.user_id, webhook_id, 5)
    path, seen = f"/v1/webhooks/{webhook_id}/deliveries?limit=2", []
    cursor = ""
    while cursor is not None:
        page = api("GET", path + (f"&cursor={cursor}" if cursor else "")).get_json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert len({item["id"] for item in seen}) == 5
    assert [item["created_at"] for item in seen] == sorted((i["created_at"] for i in seen), reverse=True)
    assert (seen[0]["event"], seen[0]["state"], seen[0]["attempts"]) == ("task.updated", "pending", 0)
    assert api("GET", path + "&cursor=nonsense").status_code == 400


def test_a_delivery_can_be_sent_again(api, create, deliver):
    webhook_id = create().get_json()["id"]
    deliver(api.user_id, webhook_id)
    [found] = api("GET", f"/v1/webhooks/{webhook_id}/deliveries").get_json()["items"]
    done = "update deliveries set state = 'sent', attempts = 3, next_attempt_at = null where user_id = %s"
    api.owner.execute(done, (api.user_id,))
    path = f"/v1/webhooks/{webhook_id}/deliveries/{found['id']}/resend"
    again = api("POST", path)
    assert (again.status_code, again.get_json()["state"], again.get_json()["attempts"]) == (202, "pending", 0)
    assert again.get_json()["event_id"] == found["event_id"]
    api.owner.execute("update deliveries set state = 'sending' where user_id = %s", (api.user_id,))
    assert api("POST", path).status_code == 409
    api("PATCH", f"/v1/webhooks/{webhook_id}", {"state": "disabled"})
    assert api("POST", path).get_json()["code"] == "webhook_disabled"


def test_nothing_is_reachable_by_another_user(api, make_api, create, deliver):
    webhook_id = create().get_json()["id"]
    deliver(api.user_id, webhook_id)
    [found] = api("GET", f"/v1/webhooks/{webhook_id}/deliveries").get_json()["items"]
    stranger = make_api(f"stranger-{uuid4()}")
    base = f"/v1/webhooks/{webhook_id}"
    assert stranger("GET", "/v1/webhooks").get_json()["items"] == []
    for method, path, body in (
        ("GET", base, None),
        ("PATCH", base, {"state": "disabled"}),
        ("DELETE", base, None),
        ("GET", f"{base}/deliveries", None),
        ("POST", f"{base}/deliveries/{found['id']}/resend", None),
    ):
        assert stranger(method, path, body).status_code == 404, (method, path)
    assert api("GET", base).get_json()["state"] == "enabled"
    own = stranger("POST", "/v1/webhooks", {"url": URL, "events": ["*"]}).get_json()["id"]
    assert stranger("POST", f"/v1/webhooks/{own}/deliveries/{found['id']}/resend").status_code == 404
    assert UUID(own)
