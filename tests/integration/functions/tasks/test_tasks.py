"""The task routes: create, read, patch, delete, list, conditions, idempotency, refusals."""

import threading

import pytest

from functions.tasks.edge.routing import auth_of


def test_a_created_task_comes_back_as_the_contract_says(api):
    response = api("POST", "/v1/tasks", {"title": "Café", "tags": ["Home"], "due": "2026-06-01T08:00Z"})
    task = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/v1/tasks/{task['id']}"
    assert response.headers["ETag"] == '"1"'
    assert task == {
        "id": task["id"],
        "title": "Café",
        "description": "",
        "status": "open",
        "priority": "P4",
        "tags": ["Home"],
        "project_id": None,
        "parent_id": None,
        "position": "a0",
        "due": "2026-06-01T08:00Z",
        "timezone": None,
        "due_at": "2026-06-01T08:00:00Z",
        "remind_before_minutes": None,
        "reminders": [],
        "reminder_sent": False,
        "recurrence": None,
        "series_id": None,
        "occurrence_key": None,
        "series_state": None,
        "version": 1,
        "created_at": "2026-01-01T12:00:00Z",
        "updated_at": "2026-01-01T12:00:00Z",
        "completed_at": None,
        "deleted_at": None,
    }
    assert api.get(task["id"]) == task


def test_a_patch_changes_only_what_it_names(api):
    task = api.create(description="all", priority="P2", tags=["home"])
    response = api("PATCH", f"/v1/tasks/{task['id']}", {"priority": "P1", "tags": None})
    changed = response.get_json()
    assert (changed["description"], changed["priority"], changed["tags"]) == ("all", "P1", [])
    assert response.headers["ETag"] == '"2"'
    (event,) = api.events("task.updated")
    assert event["changes"] == {"priority": {"from": "P2", "to": "P1"}, "tags": {"from": ["home"], "to": []}}


def test_a_patch_that_changes_nothing_writes_nothing(api):
    task = api.create()
    assert api("PATCH", f"/v1/tasks/{task['id']}", {"title": task["title"]}).get_json() == task
    assert api.events("task.updated") == []


def test_merge_patch_is_a_media_type_of_its_own(api):
    task = api.create()
    sent = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/merge-patch+json"}
    response = api.client.patch(f"/v1/tasks/{task['id']}", data='{"title": "New"}', headers=sent)
    assert response.get_json()["title"] == "New"
    sent["Content-Type"] = "text/plain"
    assert api.client.patch(f"/v1/tasks/{task['id']}", data="{}", headers=sent).status_code == 415


def test_a_stale_condition_is_refused_with_the_current_etag(api):
    task = api.create()
    path = f"/v1/tasks/{task['id']}"
    assert api("PATCH", path, {"title": "Two"}, If_Match='"1"').status_code == 200
    refused = api("PATCH", path, {"title": "Three"}, If_Match='"1"')
    assert (refused.status_code, refused.headers["ETag"]) == (412, '"2"')
    assert api("DELETE", path, If_Match='"1"').status_code == 412
    assert api("POST", f"{path}/complete", If_Match='"1"').status_code == 412
    assert api("PATCH", path, {"title": "x"}, If_Match="2").status_code == 422


def test_an_unchanged_task_is_not_sent_again(api):
    task = api.create()
    response = api("GET", f"/v1/tasks/{task['id']}", If_None_Match='"1"')
    assert (response.status_code, response.data) == (304, b"")


def test_deleting_moves_to_the_trash_and_restoring_back(api):
    task = api.create()
    path = f"/v1/tasks/{task['id']}"
    assert api("DELETE", path).status_code == 204
    assert api("DELETE", path).status_code == 204
    assert api("PATCH", path, {"title": "x"}).status_code == 404
    assert api("GET", "/v1/tasks").get_json()["items"] == []
    (trashed,) = api("GET", "/v1/tasks?deleted=true").get_json()["items"]
    assert trashed["id"] == task["id"]
    assert api("POST", f"{path}/restore").get_json()["deleted_at"] is None
    assert len(api.events("task.deleted", "task.restored")) == 2


@pytest.mark.parametrize("sort", ["due", "-due", "priority,-created_at", "title", "-updated_at,due"])
def test_pages_in_any_order_show_every_task_once(api, sim_clock, sort):
    for i in range(7):
        sim_clock.advance(seconds=i % 2)
        due = {"due": f"2026-06-{1 + i % 3:02d}"} if i % 4 else {}
        api.create(title=f"Task {i % 3}", priority=f"P{1 + i % 3}", **due)
    whole = api("GET", f"/v1/tasks?sort={sort}").get_json()["items"]
    paged, path = [], f"/v1/tasks?sort={sort}&limit=2"
    while path:
        response = api("GET", path)
        paged += response.get_json()["items"]
        cursor = response.get_json()["next_cursor"]
        assert (cursor is None) == ("Link" not in response.headers)
        path = cursor and f"/v1/tasks?sort={sort}&limit=2&cursor={cursor}"
    assert [t["id"] for t in paged] == [t["id"] for t in whole]
    assert len({t["id"] for t in paged}) == 7
    if "due" in sort.split(",")[0]:
        assert [t["due"] is None for t in whole] == sorted(t["due"] is None for t in whole)


def test_filters_combine(api):
    home = api.create(title="a", tags=["Home", "garden"], priority="P1")
    api.create(title="b", tags=["home"], priority="P3")
    api.create(title="c", priority="P1", parent_id=home["id"])

    def titles(query):
        return sorted(t["title"] for t in api("GET", f"/v1/tasks?{query}").get_json()["items"])

    assert titles("tag=HOME") == ["a", "b"]
    assert titles("tag=home,garden") == ["a"]
    assert titles("tag_any=garden,home&priority=P3,P4") == ["b"]
    assert titles(f"parent_id={home['id']}") == ["c"]
    assert titles("priority=P1") == ["a", "c"]
    assert titles("status=done") == []


def test_a_cursor_of_another_query_is_a_bad_request(api):
    for _ in range(2):
        api.create()
    cursor = api("GET", "/v1/tasks?limit=1").get_json()["next_cursor"]
    response = api("GET", f"/v1/tasks?limit=1&sort=title&cursor={cursor}")
    assert (response.status_code, response.get_json()["code"]) == (400, "invalid_cursor")


def test_the_same_key_answers_the_same_and_does_it_once(api):
    first = api("POST", "/v1/tasks", {"title": "Once"}, Idempotency_Key="k1")
    again = api("POST", "/v1/tasks", {"title": "Once"}, Idempotency_Key="k1")
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    other = api("POST", "/v1/tasks", {"title": "Other"}, Idempotency_Key="k1")
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert len(api.events("task.created")) == 1


def test_a_refused_request_does_not_use_up_its_key(api):
    assert api("POST", "/v1/tasks", {"title": ""}, Idempotency_Key="k").status_code == 422
    missing = "/v1/tasks/01890000-0000-7000-8000-000000000000/complete"
    assert api("POST", missing, Idempotency_Key="k").status_code == 404
    assert api("POST", "/v1/tasks", {"title": "x"}, Idempotency_Key="k").status_code == 201


def test_many_requests_with_one_key_at_once_do_it_once(api):
    statuses = []

    def post():
        statuses.append(api("POST", "/v1/tasks", {"title": "Once"}, Idempotency_Key="k").status_code)

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert len(api.events("task.created")) == 1


def test_one_users_key_means_nothing_to_another(make_api, user_id):
    mine, yours = make_api(user_id), make_api(f"{user_id}-2")
    a = mine("POST", "/v1/tasks", {"title": "x"}, Idempotency_Key="k").get_json()
    b = yours("POST", "/v1/tasks", {"title": "x"}, Idempotency_Key="k").get_json()
    assert a["id"] != b["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": None}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"title": 3}, "title"),
        ({"title": "x", "description": "x" * 10_001}, "description"),
        ({"title": "x", "priority": "P0"}, "priority"),
        ({"title": "x", "priority": 1}, "priority"),
        ({"title": "x", "tags": ["a", "A"]}, "tags"),
        ({"title": "x", "tags": [str(i) for i in range(21)]}, "tags"),
        ({"title": "x", "user_id": "somebody"}, "user_id"),
        ({"title": "x", "version": 7}, "version"),
        ({"title": "x", "status": "done"}, "status"),
        ({"title": "x", "parent_id": "7"}, "parent_id"),
        ({"title": "x", "parent_id": "01890000-0000-7000-8000-000000000000"}, "parent_id"),
        ({"title": "x", "project_id": "01890000-0000-7000-8000-000000000000"}, "project_id"),
        ({"title": "x", "due": "2026-06-01", "reminders": [{"days_before": 1}]}, "reminders.0"),
        ({"title": "x", "reminders": [{"remind_at": "2026-06-01T08:00"}]}, "reminders.0.remind_at"),
        ({"title": "x", "due": "2026-06-01", "remind_before_minutes": -1}, "remind_before_minutes"),
        ({"title": "x", "due": "2026-06-01", "remind_before_minutes": True}, "remind_before_minutes"),
    ],
)
def test_a_bad_field_is_named_and_nothing_happens(api, body, field):
    response = api("POST", "/v1/tasks", body)
    assert response.status_code == 422, response.text
    assert response.content_type == "application/problem+json"
    assert response.get_json()["errors"][0]["field"] == field
    assert api.events() == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"title": "a", "title": "b"}', 400),
        (b'{"title": NaN}', 400),
        (b'{"title": "\\ud800"}', 400),
        (b"[" * 100 + b"]" * 100, 400),
        (b'{"title": "\xff"}', 400),
        (b"[]", 422),
        (b'{"title": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(api, raw, status):
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    response = api.client.post("/v1/tasks", data=raw, headers=headers)
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"


def test_a_task_cannot_be_below_itself(api):
    parent = api.create()
    child = api.create(parent_id=parent["id"])
    response = api("PATCH", f"/v1/tasks/{parent['id']}", {"parent_id": child["id"]})
    assert (response.status_code, response.get_json()["code"]) == (409, "parent_cycle")


def test_no_route_goes_without_an_auth_decision(api):
    app = api.client.application
    declared = auth_of(app)
    for rule in app.url_map.iter_rules():
        if rule.endpoint in ("liveness", "readiness"):
            continue
        assert rule.endpoint in declared, f"{rule} has no auth decision"
        if declared[rule.endpoint] == "public":
            continue
        path = rule.rule.replace("<uuid:", "<").replace("<", "").replace(">", "")
        path = "/".join(
            "01890000-0000-7000-8000-000000000000" if p.endswith("_id") else p for p in path.split("/")
        )
        method = next(iter(rule.methods - {"HEAD", "OPTIONS"}))
        assert api.client.open(path, method=method).status_code == 401, rule


def test_another_users_objects_do_not_exist(make_api, user_id):
    mine, other = make_api(user_id), make_api(f"{user_id}-other")
    task = mine.create(due="2026-06-01", recurrence={"every": "day"})
    path = f"/v1/tasks/{task['id']}"
    for method, suffix, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "x"}),
        ("DELETE", "", None),
        ("POST", "/complete", None),
        ("POST", "/reopen", None),
        ("POST", "/skip", None),
        ("POST", "/restore", None),
        ("GET", "/history", None),
    ):
        assert other(method, path + suffix, body).status_code == 404, (method, suffix)
    assert other("POST", "/v1/tasks", {"title": "x", "parent_id": task["id"]}).status_code == 422
    assert mine.get(task["id"]) == task


def test_large_changes_travel_as_a_digest(api):
    task = api.create(description="x" * 5000)
    (event,) = api.events("task.created")
    assert event["changes"]["description"]["to"]["truncated"] is True
    assert api.get(task["id"])["description"] == "x" * 5000


def test_reminders_of_one_instant_merge_and_past_ones_are_not_made_up(api):
    task = api.create(
        due="2026-06-01T08:00",
        timezone="Europe/London",
        reminders=[
            {"before_minutes": 30},
            {"remind_at": "2026-06-01T06:30:00Z"},
            {"days_before": 1, "at": "09:00"},
            {"remind_at": "2025-01-01T00:00:00Z"},
        ],
    )
    shown = [(r["remind_at"], r["state"]) for r in task["reminders"]]
    assert shown == [
        ("2026-06-01T06:30:00Z", "scheduled"),
        ("2026-06-01T06:30:00Z", "scheduled"),
        ("2026-05-31T08:00:00Z", "scheduled"),
        ("2025-01-01T00:00:00Z", "passed"),
    ]
    assert task["reminders"][0]["id"] == task["reminders"][1]["id"]
    moved = api("PATCH", f"/v1/tasks/{task['id']}", {"due": "2026-06-02T08:00"}).get_json()
    assert moved["reminders"][0]["remind_at"] == "2026-06-02T06:30:00Z"
    done = api("POST", f"/v1/tasks/{task['id']}/complete").get_json()
    assert {r["state"] for r in done["reminders"][:3]} <= {"cancelled", "passed"}
