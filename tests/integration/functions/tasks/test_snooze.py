"""`POST /v1/tasks/{id}/snooze`: one more reminder of this occurrence; and what `reminder_sent` says."""

import pytest

from functions.reminders.service import Sweep


def snooze(api, task, **body):
    return api("POST", f"/v1/tasks/{task['id']}/snooze", body)


def shown(task):
    return [(r["remind_at"], r.get("snoozed", False), r["state"]) for r in task["reminders"]]


@pytest.fixture
def remind(uow):
    return Sweep(uow("ticker", source="/taskflow/reminders")).run


def test_minutes_from_now(api):
    task = api.create(due="2026-01-01T14:00Z", remind_before_minutes=30)
    response = snooze(api, task, minutes=10)
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert shown(response.get_json()) == [
        ("2026-01-01T13:30:00Z", False, "scheduled"),
        ("2026-01-01T12:10:00Z", True, "scheduled"),
    ]
    assert response.get_json()["remind_before_minutes"] == 30
    assert [e["event_type"].split(".")[-2] for e in api.events("task.updated")] == ["updated"]


def test_until_an_instant_without_a_due(api):
    body = snooze(api, api.create(), until="2026-01-02T09:00:00+01:00").get_json()
    assert shown(body) == [("2026-01-02T08:00:00Z", True, "scheduled")]


def test_a_second_snooze_replaces_the_first(api, rows, user_id):
    task = api.create()
    snooze(api, task, minutes=10)
    body = snooze(api, task, minutes=20).get_json()
    assert shown(body) == [("2026-01-01T12:20:00Z", True, "scheduled")]
    sql = "select state from reminders where user_id = %s order by remind_at"
    assert rows(sql, user_id) == [("cancelled",), ("scheduled",)]


def test_the_next_occurrence_does_not_get_it(api):
    task = api.create(due="2026-01-02T08:00Z", recurrence={"every": "day"}, remind_before_minutes=30)
    snooze(api, task, minutes=10)
    api("POST", f"/v1/tasks/{task['id']}/complete")
    api.expand()
    [following] = api.open_tasks()
    assert shown(following) == [("2026-01-03T07:30:00Z", False, "scheduled")]


@pytest.mark.parametrize("action", ["complete", "skip"])
def test_a_task_that_is_not_open_is_a_conflict(api, action):
    task = api.create(due="2026-01-02T08:00Z", recurrence={"every": "day"})
    api("POST", f"/v1/tasks/{task['id']}/{action}")
    response = snooze(api, task, minutes=10)
    assert (response.status_code, response.get_json()["code"]) == (409, "task_not_open")


def test_what_is_in_the_trash_or_somebody_elses_does_not_exist(api, make_api):
    task = api.create()
    assert snooze(make_api("somebody-else"), task, minutes=10).status_code == 404
    api("DELETE", f"/v1/tasks/{task['id']}")
    assert snooze(api, task, minutes=10).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"minutes": 0},
        {"minutes": -5},
        {"minutes": 10.5},
        {"minutes": 10, "until": "2026-01-02T08:00:00Z"},
        {"until": "2026-01-01T12:00:00Z"},
        {"until": "2025-12-31T12:00:00Z"},
        {"until": "2026-01-02T08:00:00"},
        {"until": "9999-12-31T23:59:00-12:00"},
        {"until": "tomorrow"},
        {"hours": 1},
    ],
)
def test_bad_bodies_are_refused(api, body):
    task = api.create()
    assert snooze(api, task, **body).status_code == 422
    assert api.get(task["id"])["version"] == 1


def test_it_honours_conditions_and_keys(api):
    task = api.create()
    path = f"/v1/tasks/{task['id']}/snooze"
    assert api("POST", path, {"minutes": 5}, If_Match='"7"').status_code == 412
    answers = [api("POST", path, {"minutes": 5}, Idempotency_Key="k") for _ in range(2)]
    assert [a.get_json()["version"] for a in answers] == [2, 2]


def test_reminder_sent_follows_what_went_out(api, remind, sim_clock):
    """What clients that know nothing but `remind_before_minutes` rely on."""
    task = api.create(due="2026-01-01T13:00Z", remind_before_minutes=30)
    assert task["reminder_sent"] is False
    sim_clock.advance(minutes=31)
    remind()
    assert api.get(task["id"])["reminder_sent"] is True

    api("PATCH", f"/v1/tasks/{task['id']}", {"title": "Water the garden"})
    assert api.get(task["id"])["reminder_sent"] is True  # what it says about is unchanged
    api("PATCH", f"/v1/tasks/{task['id']}", {"due": "2026-01-01T15:00Z"})
    moved = api.get(task["id"])
    assert (moved["reminder_sent"], moved["remind_before_minutes"]) == (False, 30)
    sim_clock.advance(hours=2)
    remind()
    assert api.get(task["id"])["reminder_sent"] is True

    api("PATCH", f"/v1/tasks/{task['id']}", {"remind_before_minutes": 10})
    assert api.get(task["id"])["reminder_sent"] is False
    snooze(api, task, minutes=5)
    sim_clock.advance(minutes=6)
    remind()
    assert api.get(task["id"])["reminder_sent"] is True
    snooze(api, task, minutes=5)
    assert api.get(task["id"])["reminder_sent"] is False


def test_reminders_without_channels_of_their_own_follow_the_settings(api, remind, rows, user_id, sim_clock):
    rows("update accounts set webhook_events = '{reminder.*}' where user_id = %s", user_id)
    api.create(due="2026-01-01T13:00Z", reminders=[
        {"before_minutes": 30}, {"before_minutes": 20, "channels": ["in_app"]}])  # fmt: skip
    rows("update accounts set webhook_events = '{reminder.*}' where user_id = %s", user_id)
    api("PUT", "/v1/settings", {"channels": ["webhook"]})  # after the reminders were planned
    sim_clock.advance(hours=1)
    remind()
    assert [e["channels"] for e in api.events("reminder.due")] == [["webhook"], ["in_app"]]
