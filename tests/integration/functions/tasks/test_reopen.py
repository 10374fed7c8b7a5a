"""What is in the way of a reopen: what the owner changed in the next occurrence and what still differs."""

import pytest
from psycopg.types.json import Jsonb

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}


def act(api, task, action, status=200, **body):
    response = api("POST", f"/v1/tasks/{task['id']}/{action}", body or None)
    assert response.status_code == status, response.text
    return response.get_json()


def patch(api, task, **fields):
    response = api("PATCH", f"/v1/tasks/{task['id']}", fields)
    assert response.status_code == 200, response.text


@pytest.fixture
def ended(api):
    parent = api.create(**DAILY, remind_before_minutes=30, tags=["Home"])
    api.create(title="child", parent_id=parent["id"])
    act(api, parent, "complete")
    api.expand()
    return parent


@pytest.fixture
def following(api, ended):
    (found,) = [t for t in api.open_tasks() if t["series_id"]]
    return found


@pytest.fixture
def copy(api, following):
    (found,) = api("GET", f"/v1/tasks?parent_id={following['id']}").get_json()["items"]
    return found


CHANGES = {
    "title": "mine",
    "description": "x",
    "priority": "P1",
    "tags": ["home"],
    "position": "b0",
    "due": "2026-06-02T09:00",
    "reminders": [],
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_that_still_differs_is_named(api, ended, following, field):
    patch(api, following, **{field: CHANGES[field]})
    refused = act(api, ended, "reopen", 409)
    assert (refused["code"], [e["field"] for e in refused["errors"]]) == ("newer_occurrence_changed", [field])
    assert field in refused["detail"]
    made_with = [{"before_minutes": 30}] if field == "reminders" else following[field]
    patch(api, following, **{field: made_with})
    act(api, ended, "reopen")


def test_a_snooze_is_a_change(api, ended, following):
    act(api, following, "snooze", minutes=5)
    assert [e["field"] for e in act(api, ended, "reopen", 409)["errors"]] == ["reminders"]


def test_a_change_of_a_copy_is_named_with_its_id(api, ended, copy):
    patch(api, copy, title="mine")
    found = [e["field"] for e in act(api, ended, "reopen", 409)["errors"]]
    assert found == [f"subtasks.{copy['id']}.title"]
    patch(api, copy, title="child")
    act(api, ended, "reopen")


def test_what_was_undone_is_not_in_the_way(api, ended, following, copy):
    act(api, following, "complete")
    act(api, following, "reopen")
    act(api, copy, "complete")
    act(api, copy, "reopen")
    api("DELETE", f"/v1/tasks/{copy['id']}")
    act(api, copy, "restore")
    added = api.create(title="added", parent_id=following["id"])
    api("DELETE", f"/v1/tasks/{added['id']}")
    act(api, ended, "reopen")
    assert {t["title"] for t in api.open_tasks()} == {"Water the plants", "child"}


@pytest.mark.parametrize("what", ["added", "deleted", "moved away", "moved in"])
def test_another_set_of_subtasks_is_in_the_way(api, ended, following, copy, what):
    if what == "added":
        api.create(title="added", parent_id=copy["id"])
    elif what == "deleted":
        api("DELETE", f"/v1/tasks/{copy['id']}")
    elif what == "moved away":
        patch(api, copy, parent_id=None)
    else:
        patch(api, api.create(title="stray"), parent_id=following["id"])
    act(api, ended, "reopen", 409)


def test_a_reminder_that_went_out_is_not_in_the_way(api, ended, following):
    api.owner.execute("update reminders set state = 'sent' where task_id = %s", (following["id"],))
    api.owner.execute(
        "update tasks set reminder_sent = true, version = version + 1 where id = %s", (following["id"],)
    )
    act(api, ended, "reopen")


def test_an_instant_derived_again_is_not_in_the_way(api, ended, following):
    api.owner.execute(
        "update tasks set due_at = due_at + interval '1 hour', version = version + 1 where id = %s",
        (following["id"],),
    )
    act(api, ended, "reopen")


def test_a_user_who_moves_has_changed_nothing(api):
    floating = api.create(due="2026-06-01T08:00", recurrence={"every": "day"})
    act(api, floating, "complete")
    api.expand()
    assert api("PUT", "/v1/settings", {"timezone": "Asia/Tokyo"}).status_code == 200
    act(api, floating, "reopen")


def test_an_occurrence_from_before_there_were_records_is_judged_by_its_version(api, ended, following):
    api.owner.execute("update tasks set written = null where user_id = %s", (api.user_id,))
    api.owner.execute("update tasks set version = 2 where id = %s", (following["id"],))
    act(api, ended, "reopen", 409)
    api.owner.execute("update tasks set version = 1 where id = %s", (following["id"],))
    act(api, ended, "reopen")


def test_a_record_tells_each_field(api, ended, following):
    (record,) = api.owner.execute("select written from tasks where id = %s", (following["id"],)).fetchone()
    changed = {**record, "fields": {**record["fields"], "priority": "0" * 18}}
    api.owner.execute("update tasks set written = %s where id = %s", (Jsonb(changed), following["id"]))
    assert [e["field"] for e in act(api, ended, "reopen", 409)["errors"]] == ["priority"]
