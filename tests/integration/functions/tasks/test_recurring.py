"""Series, occurrences, reopen, skip, delete and restore, through the real API and the real handler."""

from datetime import UTC, datetime

import pytest

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}


def act(api, task, action, status=200, **body):
    response = api("POST", f"/v1/tasks/{task['id']}/{action}", body or None)
    assert response.status_code == status, response.text
    return response.get_json()


def test_completing_brings_the_next_occurrence_with_everything_that_belongs_to_it(api):
    first = api.create(
        **DAILY, priority="P2", tags=["home"], description="all of them", remind_before_minutes=30
    )
    assert first["recurrence"] == {"rrule": "FREQ=DAILY", "mode": "catch_up"}
    assert first["occurrence_key"] == "2026-06-01T08:00"
    act(api, first, "complete")
    assert api.open_tasks() == []
    api.expand()
    (second,) = api.open_tasks()
    assert second["due"] == second["occurrence_key"] == "2026-06-02T08:00"
    assert second["due_at"] == "2026-06-02T07:00:00Z"
    carried = ("title", "description", "priority", "tags", "timezone", "series_id", "recurrence")
    assert {k: second[k] for k in carried} == {k: first[k] for k in carried}
    assert second["remind_before_minutes"] == 30
    assert second["reminders"][0]["remind_at"] == "2026-06-02T06:30:00Z"
    assert second["reminders"][0]["state"] == "scheduled"


def test_an_event_delivered_again_makes_no_second_occurrence(api):
    act(api, api.create(**DAILY), "complete")
    api.expand()
    api.expand()
    assert len(api.open_tasks()) == 1


def test_completing_twice_is_one_completion(api):
    task = api.create(**DAILY)
    first = act(api, task, "complete")
    assert act(api, task, "complete") == first
    assert len(api.events("task.completed")) == 1


def test_another_occurrences_key_changes_nothing(api):
    task = api.create(**DAILY)
    assert act(api, task, "complete", occurrence_key="2026-05-31T08:00")["status"] == "open"
    assert act(api, task, "complete", occurrence_key="2026-06-01T08:00")["status"] == "done"


def test_catching_up_records_what_was_missed(api, sim_clock):
    task = api.create(**DAILY)
    sim_clock.now = datetime(
        2026, 6, 4, 7, tzinfo=UTC
    )  # 08:00 in London: the occurrence of that minute is not later
    act(api, task, "complete")
    api.expand()
    (following,) = api.open_tasks()
    assert following["occurrence_key"] == "2026-06-05T08:00"
    rows = api.owner.execute(
        "select key, outcome from occurrences where user_id = %s order by ordinal", (api.user_id,)
    ).fetchall()
    assert rows == [
        ("2026-06-01T08:00", "done"),
        ("2026-06-02T08:00", "missed"),
        ("2026-06-03T08:00", "missed"),
        ("2026-06-04T08:00", "missed"),
        ("2026-06-05T08:00", "open"),
    ]


def test_the_end_of_the_rule_ends_the_series(api):
    rule = {"rrule": "FREQ=DAILY;COUNT=2"}
    act(api, api.create(**DAILY | {"recurrence": rule}), "complete")
    api.expand()
    (second,) = api.open_tasks()
    act(api, second, "complete")
    api.expand()
    assert api.open_tasks() == []
    (ended,) = api.events("series.ended")
    assert ended["changes"]["state"] == {"from": "active", "to": "ended"}


def test_skipping_goes_on_from_the_due_and_excludes_the_date(api, sim_clock):
    task = api.create(**DAILY)
    sim_clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
    assert act(api, task, "skip")["status"] == "skipped"
    api.expand()
    (following,) = api.open_tasks()
    assert following["occurrence_key"] == "2026-06-02T08:00"
    exdates = api.owner.execute("select exdates from series where user_id = %s", (api.user_id,)).fetchone()
    assert exdates == (["2026-06-01T08:00"],)


@pytest.mark.parametrize("action", ["complete", "skip"])
def test_reopening_withdraws_an_untouched_next_occurrence(api, action):
    task = api.create(**DAILY)
    act(api, task, action)
    api.expand()
    (following,) = api.open_tasks()
    assert act(api, task, "reopen")["status"] == "open"
    (open_task,) = api.open_tasks()
    assert open_task["id"] == task["id"]
    assert api.get(following["id"])["deleted_at"]
    api.expand()  # the old completion again: the occurrence is open, nothing happens
    assert len(api.open_tasks()) == 1
    act(api, task, "complete")
    api.expand()
    (again,) = api.open_tasks()
    assert again["occurrence_key"] == "2026-06-02T08:00"


def test_reopening_before_the_expansion_finds_it_open(api):
    task = api.create(**DAILY)
    act(api, task, "complete")
    act(api, task, "reopen")
    api.expand()
    (only,) = api.open_tasks()
    assert only["id"] == task["id"]


def test_reopening_after_the_next_was_changed_is_refused(api):
    task = api.create(**DAILY)
    act(api, task, "complete")
    api.expand()
    (following,) = api.open_tasks()
    api("PATCH", f"/v1/tasks/{following['id']}", {"title": "Water them all"})
    assert act(api, task, "reopen", 409)["code"] == "newer_occurrence_changed"
    assert [t["id"] for t in api.open_tasks()] == [following["id"]]


def test_reopening_an_occurrence_of_long_ago_is_refused(api):
    first = api.create(**DAILY)
    act(api, first, "complete")
    api.expand()
    (second,) = api.open_tasks()
    act(api, second, "complete")
    api.expand()
    assert act(api, first, "reopen", 409)["code"] == "newer_occurrence_changed"


def test_deleting_the_open_occurrence_stops_the_series_and_restoring_resumes_it(api):
    task = api.create(**DAILY)
    assert api("DELETE", f"/v1/tasks/{task['id']}").status_code == 204
    state = "select state from series where user_id = %s"
    assert api.owner.execute(state, (api.user_id,)).fetchone() == ("stopped",)
    act(api, task, "restore")
    assert api.owner.execute(state, (api.user_id,)).fetchone() == ("active",)
    act(api, task, "complete")
    api.expand()
    assert len(api.open_tasks()) == 1


def test_deleting_a_done_occurrence_leaves_the_series_alone(api):
    task = api.create(**DAILY)
    act(api, task, "complete")
    api("DELETE", f"/v1/tasks/{task['id']}")
    api.expand()
    assert len(api.open_tasks()) == 1


def test_a_withdrawn_occurrence_cannot_come_back_beside_the_open_one(api):
    task = api.create(**DAILY)
    act(api, task, "complete")
    api.expand()
    (following,) = api.open_tasks()
    act(api, task, "reopen")
    assert act(api, following, "restore", 409)["code"] == "series_moved_on"


def test_moving_one_occurrence_keeps_the_series(api):
    task = api.create(**DAILY)
    moved = api("PATCH", f"/v1/tasks/{task['id']}", {"due": "2026-06-01T20:00"}).get_json()
    assert (moved["due"], moved["occurrence_key"]) == ("2026-06-01T20:00", "2026-06-01T08:00")
    act(api, task, "complete")
    api.expand()
    (following,) = api.open_tasks()
    assert following["due"] == "2026-06-02T08:00"


def test_a_new_rule_counts_from_this_occurrence_on(api):
    task = api.create(**DAILY)
    weekly = api("PATCH", f"/v1/tasks/{task['id']}", {"recurrence": {"every": "week"}}).get_json()
    assert weekly["recurrence"]["rrule"] == "FREQ=WEEKLY"
    assert weekly["series_id"] == task["series_id"]
    act(api, task, "complete")
    api.expand()
    (following,) = api.open_tasks()
    assert following["occurrence_key"] == "2026-06-08T08:00"


def test_recurrence_can_be_added_and_removed(api):
    task = api.create(due="2026-06-01")
    recurring = api("PATCH", f"/v1/tasks/{task['id']}", {"recurrence": {"every": "month"}}).get_json()
    assert recurring["occurrence_key"] == "2026-06-01"
    plain = api("PATCH", f"/v1/tasks/{task['id']}", {"recurrence": None}).get_json()
    assert (plain["recurrence"], plain["series_id"], plain["occurrence_key"]) == (None, None, None)
    act(api, task, "complete")
    api.expand()
    assert api.open_tasks() == []


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"recurrence": {"rrule": "FREQ=DAILY"}}, "recurrence", "recurrence_needs_due"),
        (
            {"due": "2026-06-01", "recurrence": {"rrule": "FREQ=SOMETIMES"}},
            "recurrence.rrule",
            "invalid_recurrence",
        ),
        (
            {"due": "2026-06-01", "recurrence": {"rrule": "FREQ=DAILY;INTERVAL=0"}},
            "recurrence.rrule",
            "invalid_recurrence",
        ),
        ({"due": "2026-06-01", "recurrence": {}}, "recurrence", "invalid_recurrence"),
        (
            {"due": "2026-06-01", "recurrence": {"every": "day", "cron": "0 9 * * *"}},
            "recurrence",
            "invalid_recurrence",
        ),
        (
            {"due": "2026-06-01", "recurrence": {"every": "day", "mode": "sometimes"}},
            "recurrence.mode",
            "literal_error",
        ),
    ],
)
def test_a_bad_rule_is_refused_and_nothing_is_created(api, body, field, code):
    response = api("POST", "/v1/tasks", {"title": "x"} | body)
    assert response.status_code == 422
    error = response.get_json()["errors"][0]
    assert (error["field"], error["code"]) == (field, code)
    assert api.events() == []


def test_a_recurring_task_keeps_a_due(api):
    task = api.create(**DAILY)
    for body, code in (({"due": None}, "recurrence_needs_due"), ({"due": "2026-06-01"}, "due_type_fixed")):
        response = api("PATCH", f"/v1/tasks/{task['id']}", body)
        assert (response.status_code, response.get_json()["errors"][0]["code"]) == (422, code)


@pytest.mark.parametrize(("ended", "asked"), [("skip", "complete"), ("complete", "skip")])
def test_another_occurrences_key_changes_nothing_whatever_the_status(api, ended, asked):
    task = api.create(due="2026-01-02T09:00", timezone="UTC", recurrence={"rrule": "FREQ=DAILY"})
    before = api("POST", f"/v1/tasks/{task['id']}/{ended}").get_json()

    answer = api("POST", f"/v1/tasks/{task['id']}/{asked}", {"occurrence_key": "1999-01-01T09:00"})

    assert (answer.status_code, answer.get_json()) == (200, before)
