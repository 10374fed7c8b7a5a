"""RFC 7396 §2: an object in a patch is merged into the object that is there, on tasks and on series."""

import pytest

DAILY = {"rrule": "FREQ=DAILY;COUNT=9", "mode": "fixed"}


@pytest.fixture
def task(api):
    return api.create(due="2026-06-01T08:00", timezone="Europe/London", recurrence=DAILY)


def on_task(api, task, recurrence):
    return api("PATCH", f"/v1/tasks/{task['id']}", {"recurrence": recurrence})


def on_series(api, task, recurrence):
    return api("PATCH", f"/v1/series/{task['series_id']}", {"recurrence": recurrence})


@pytest.mark.parametrize("patch", [on_task, on_series])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rrule": "FREQ=WEEKLY"}, {"rrule": "FREQ=WEEKLY", "mode": "fixed"}),
        ({"every": "week"}, {"rrule": "FREQ=WEEKLY", "mode": "fixed"}),
        ({"cron": "0 9 * * *"}, {"cron": "0 9 * * *", "mode": "fixed"}),
        ({"cron": "0 9 * * *", "rrule": None}, {"cron": "0 9 * * *", "mode": "fixed"}),
        ({"mode": "catch_up"}, DAILY | {"mode": "catch_up"}),
        ({"mode": None}, DAILY | {"mode": "catch_up"}),
        ({"rrule": "FREQ=WEEKLY", "mode": "catch_up"}, {"rrule": "FREQ=WEEKLY", "mode": "catch_up"}),
        ({}, DAILY),
        ({"cron": None}, DAILY),
    ],
)
def test_what_is_not_named_stays(api, task, patch, given, expected):
    answer = patch(api, task, given)
    assert answer.status_code == 200, answer.text
    assert api.get(task["id"])["recurrence"] == expected


@pytest.mark.parametrize("patch", [on_task, on_series])
@pytest.mark.parametrize(
    "given", [{"rrule": None}, {"rrule": "FREQ=DAILY", "every": "day"}, {"mode": "never"}]
)
def test_what_leaves_no_rule_or_two_is_refused(api, task, patch, given):
    refused = patch(api, task, given)
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"].startswith("recurrence")
    assert api.get(task["id"])["recurrence"] == DAILY


@pytest.mark.parametrize("patch", [on_task, on_series])
def test_another_mode_leaves_what_has_been_counted(api, task, patch):
    api("POST", f"/v1/tasks/{task['id']}/complete")
    api.expand()
    (second,) = api.open_tasks()
    assert patch(api, second, {"mode": "catch_up"}).status_code == 200
    series = api("GET", f"/v1/series/{task['series_id']}").get_json()
    assert (series["mode"], series["emitted_count"], series["anchor"]) == ("catch_up", 2, "2026-06-01T08:00")
    assert api.get(second["id"])["occurrence_key"] == second["occurrence_key"]


def test_a_task_that_does_not_recur_has_nothing_to_merge_with(api):
    plain = api.create(due="2026-06-01T08:00")
    assert on_task(api, plain, {"mode": "fixed"}).status_code == 422
    assert on_task(api, plain, {"every": "day"}).get_json()["recurrence"]["mode"] == "catch_up"
