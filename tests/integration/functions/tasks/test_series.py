"""The series API: reading, editing from an occurrence on, splitting, stopping and resuming."""

from datetime import UTC, datetime

import pytest

LONDON = "Europe/London"
DAILY = {"due": "2026-06-01T08:00", "timezone": LONDON, "recurrence": {"rrule": "FREQ=DAILY"}}


def act(api, task, action, status=200, **body):
    response = api("POST", f"/v1/tasks/{task['id']}/{action}", body or None)
    assert response.status_code == status, response.text
    return response.get_json()


def series_of(api, task):
    return api("GET", f"/v1/series/{task['series_id']}").get_json()


def edit(api, task, status=200, headers=None, **body):
    body = {k.rstrip("_"): v for k, v in body.items()}
    response = api("PATCH", f"/v1/series/{task['series_id']}", body, **(headers or {}))
    assert response.status_code == status, response.text
    return response.get_json()


def advance(api, task, action="complete", **body):
    """End the occurrence and return the next open task, or None."""
    act(api, task, action, **body)
    api.expand()
    return next((t for t in api.open_tasks() if t["parent_id"] is None), None)


def record(api, task, **query):
    parameters = "&".join(f"{k}={v}" for k, v in query.items())
    return api("GET", f"/v1/series/{task['series_id']}/occurrences?{parameters}").get_json()


def outcomes(api, task):
    return [(o["key"], o["outcome"]) for o in reversed(record(api, task)["items"])]


def test_reading_a_series(api):
    task = api.create(**DAILY)
    response = api("GET", f"/v1/series/{task['series_id']}")
    body = response.get_json()
    assert response.headers["ETag"] == f'"{body["version"]}"'
    assert (body["rrule"], body["cron"], body["mode"]) == ("FREQ=DAILY", None, "catch_up")
    assert (body["anchor"], body["timezone"]) == ("2026-06-01T08:00", LONDON)
    assert (body["state"], body["state_reason"], body["emitted_count"]) == ("active", None, 1)
    assert (body["exdates"], body["rdates"], body["successor_id"]) == ([], [], None)
    assert body["text"].startswith("every day")


def test_the_record_is_paged_newest_first(api, sim_clock):
    task = api.create(**DAILY)
    sim_clock.now = datetime(2026, 6, 3, 12, tzinfo=UTC)
    advance(api, task)
    first = record(api, task, limit=2)
    assert [(o["key"], o["outcome"]) for o in first["items"]] == [
        ("2026-06-04T08:00", "open"),
        ("2026-06-03T08:00", "missed"),
    ]
    rest = record(api, task, limit=2, cursor=first["next_cursor"])
    assert [(o["key"], o["outcome"]) for o in rest["items"]] == [
        ("2026-06-02T08:00", "missed"),
        ("2026-06-01T08:00", "done"),
    ]
    assert rest["next_cursor"] is None
    assert [o["ordinal"] for o in first["items"] + rest["items"]] == [4, 3, 2, 1]
    assert rest["items"][1]["at"] == "2026-06-01T07:00:00Z"
    assert rest["items"][0]["task_id"] is None
    assert rest["items"][1]["task_id"] == task["id"]


def test_another_users_series_does_not_exist(api, make_api):
    task = api.create(**DAILY)
    stranger = make_api("somebody-else")
    for method, path in (
        ("GET", ""),
        ("GET", "/occurrences"),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/resume"),
    ):
        body = {} if method in ("PATCH", "POST") else None
        response = stranger(method, f"/v1/series/{task['series_id']}{path}", body)
        assert (response.status_code, response.get_json()["code"]) == (404, "series_not_found"), path


class TestEditingFromTheOpenOccurrence:
    def test_a_rule_that_has_the_occurrence_keeps_it(self, api):
        task = api.create(**DAILY)
        edited = edit(api, task, recurrence={"every": "week"})
        assert edited["series"]["rrule"] == "FREQ=WEEKLY"
        assert (edited["task"]["id"], edited["task"]["due"]) == (task["id"], "2026-06-01T08:00")
        assert edited["dropped_overrides"] == []
        assert advance(api, edited["task"])["due"] == "2026-06-08T08:00"
        (changed,) = api.events("series.changed")
        assert changed["changes"]["rrule"] == {"from": "FREQ=DAILY", "to": "FREQ=WEEKLY"}

    def test_a_rule_without_it_moves_it_to_the_first_time_it_names(self, api):
        task = api.create(**DAILY)
        edited = edit(api, task, recurrence={"rrule": "FREQ=WEEKLY;BYDAY=TH"})
        assert edited["task"]["due"] == edited["task"]["occurrence_key"] == "2026-06-04T08:00"
        assert edited["dropped_overrides"] == []
        assert outcomes(api, task) == [("2026-06-04T08:00", "open")]
        assert advance(api, edited["task"])["due"] == "2026-06-11T08:00"

    def test_a_moved_due_survives_as_long_as_its_occurrence_does(self, api):
        task = api.create(**DAILY)
        api("PATCH", f"/v1/tasks/{task['id']}", {"due": "2026-06-01T20:00"})
        kept = edit(api, task, recurrence={"every": "week"})
        assert (kept["task"]["due"], kept["task"]["occurrence_key"]) == (
            "2026-06-01T20:00",
            "2026-06-01T08:00",
        )
        dropped = edit(api, task, recurrence={"rrule": "FREQ=WEEKLY;BYDAY=TH"})
        assert dropped["dropped_overrides"] == [{"key": "2026-06-01T08:00", "due": "2026-06-01T20:00"}]
        assert dropped["task"]["due"] == "2026-06-04T08:00"

    def test_history_is_not_touched(self, api):
        second = advance(api, api.create(**DAILY))
        edit(
            api, second, from_=second["occurrence_key"], recurrence={"rrule": "FREQ=WEEKLY;BYDAY=FR;COUNT=2"}
        )
        assert outcomes(api, second) == [("2026-06-01T08:00", "done"), ("2026-06-05T08:00", "open")]
        (third,) = api.open_tasks()
        assert third["id"] == second["id"]
        last = advance(api, third)
        assert last["due"] == "2026-06-12T08:00"
        assert advance(api, last) is None
        assert [o["ordinal"] for o in record(api, second)["items"]] == [3, 2, 1]

    def test_a_new_due_anchors_the_series(self, api):
        task = api.create(**DAILY)
        edited = edit(api, task, due="2026-06-03T18:30")
        assert (edited["task"]["due"], edited["series"]["anchor"]) == ("2026-06-03T18:30", "2026-06-03T18:30")
        assert advance(api, edited["task"])["due"] == "2026-06-04T18:30"

    def test_another_zone_keeps_the_wall_time(self, api):
        task = api.create(**DAILY)
        edited = edit(api, task, timezone="Asia/Karachi")
        assert (edited["task"]["due"], edited["task"]["due_at"]) == (
            "2026-06-01T08:00",
            "2026-06-01T03:00:00Z",
        )
        assert advance(api, edited["task"])["due_at"] == "2026-06-02T03:00:00Z"

    def test_count_goes_on_when_only_the_due_changes(self, api):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=DAILY;COUNT=3"}})
        second = advance(api, task)
        edited = edit(api, second, due="2026-06-02T09:00")
        third = advance(api, edited["task"])
        assert third["due"] == "2026-06-03T09:00"
        assert advance(api, third) is None

    def test_the_template_goes_to_the_open_task_and_what_follows(self, api):
        task = api.create(**DAILY)
        edited = edit(api, task, title="Feed the cat", priority="P1", tags=["cat"], remind_before_minutes=10)
        assert (edited["task"]["title"], edited["task"]["version"]) == ("Feed the cat", 2)
        following = advance(api, edited["task"])
        assert (following["title"], following["priority"], following["tags"]) == (
            "Feed the cat",
            "P1",
            ["cat"],
        )
        assert following["remind_before_minutes"] == 10

    def test_an_excluded_date_is_passed_over_and_counts(self, api):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=DAILY;COUNT=4"}})
        edit(api, task, exdates=["20260602T080000"])
        third = advance(api, task)
        assert third["due"] == "2026-06-03T08:00"
        assert series_of(api, task)["exdates"] == ["2026-06-02T08:00"]
        fourth = advance(api, third)
        assert fourth["due"] == "2026-06-04T08:00"
        assert advance(api, fourth) is None

    def test_excluding_the_open_occurrence_moves_on(self, api):
        task = api.create(**DAILY)
        edited = edit(api, task, exdates=["2026-06-01T08:00"])
        assert edited["task"]["due"] == "2026-06-02T08:00"

    def test_an_added_date_happens_and_does_not_count(self, api):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=WEEKLY;COUNT=2"}})
        edit(api, task, rdates=["2026-06-03T15:00"])
        extra = advance(api, task)
        assert extra["due"] == "2026-06-03T15:00"
        last = advance(api, extra)
        assert last["due"] == "2026-06-08T08:00"
        assert advance(api, last) is None
        assert [o["ordinal"] for o in record(api, task)["items"]] == [3, 2, 1]

    def test_nothing_given_changes_nothing(self, api):
        task = api.create(**DAILY)
        before = series_of(api, task)
        edited = edit(api, task)
        assert edited["series"] == before
        assert edited["task"]["version"] == 1
        assert api.events("series.changed") == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"recurrence": {"rrule": "FREQ=NEVER"}}, "recurrence.rrule"),
            ({"recurrence": None}, "recurrence"),
            ({"due": None}, "due"),
            ({"due": "soon"}, "due"),
            ({"timezone": "Mars/Base"}, "timezone"),
            ({"exdates": ["never"]}, "exdates.0"),
            ({"rdates": ["never"]}, "rdates.0"),
            ({"title": None}, "title"),
            ({"from": "2026-06-01T09:00"}, "from"),
            ({"from": "2026-05-31T08:00"}, "from"),
            ({"from": "never"}, "from"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_what_is_refused_names_the_field(self, api, body, field):
        task = api.create(**DAILY)
        response = api("PATCH", f"/v1/series/{task['series_id']}", body)
        assert response.status_code == 422, response.text
        assert response.get_json()["errors"][0]["field"] == field

    def test_if_match_and_idempotency_key(self, api):
        task = api.create(**DAILY)
        body = {"recurrence": {"every": "week"}}
        path = f"/v1/series/{task['series_id']}"
        stale = api("PATCH", path, body, If_Match='"7"')
        assert (stale.status_code, stale.headers["ETag"]) == (412, '"1"')
        first = api("PATCH", path, body, If_Match='"1"', Idempotency_Key="once")
        again = api("PATCH", path, body, If_Match='"1"', Idempotency_Key="once")
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert first.get_json() == again.get_json()

    def test_an_occurrence_between_two_can_only_get_another_rule(self, api):
        task = api.create(**DAILY)
        act(api, task, "complete")
        assert edit(api, task, 409, title="Later")["code"] == "no_open_occurrence"
        edited = edit(api, task, recurrence={"rrule": "FREQ=WEEKLY;BYDAY=FR;COUNT=1"})
        assert edited["task"] is None
        api.expand()
        (only,) = api.open_tasks()
        assert only["due"] == "2026-06-05T08:00"
        assert advance(api, only) is None


class TestSplitting:
    def test_a_later_occurrence_begins_a_series_of_its_own(self, api):
        task = api.create(**DAILY)
        edited = edit(
            api,
            task,
            from_="2026-06-03T08:00",
            recurrence={"every": "week"},
            title="Water weekly",
            priority="P1",
        )
        old = edited["series"]
        assert old["rrule"] == "FREQ=DAILY;UNTIL=20260603T065959Z"
        new = api("GET", f"/v1/series/{old['successor_id']}").get_json()
        assert (new["rrule"], new["anchor"], new["state"]) == ("FREQ=WEEKLY", "2026-06-03T08:00", "active")
        second = advance(api, task)
        third = advance(api, second)
        assert (second["title"], third["title"], third["priority"]) == (
            "Water the plants",
            "Water weekly",
            "P1",
        )
        assert (third["series_id"], third["due"]) == (new["id"], "2026-06-03T08:00")
        assert series_of(api, task)["state"] == "ended"
        assert advance(api, third)["due"] == "2026-06-10T08:00"
        assert len(api.events("series.ended")) == 1

    def test_count_is_shared_out(self, api):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=DAILY;COUNT=5"}})
        second = advance(api, task)
        old = edit(api, second, from_="2026-06-04T08:00", due="2026-06-04T20:00")["series"]
        new = api("GET", f"/v1/series/{old['successor_id']}").get_json()
        assert (old["rrule"], new["rrule"]) == ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=2")
        dues = []
        while second is not None:
            dues.append(second["due"])
            second = advance(api, second)
        assert dues == ["2026-06-02T08:00", "2026-06-03T08:00", "2026-06-04T20:00", "2026-06-05T20:00"]

    def test_days_split_on_the_day_before(self, api):
        task = api.create(due="2026-06-01", recurrence={"every": "day"})
        old = edit(api, task, from_="2026-06-03", title="Other")["series"]
        assert old["rrule"] == "FREQ=DAILY;UNTIL=20260602"
        third = advance(api, advance(api, task))
        assert (third["due"], third["title"]) == ("2026-06-03", "Other")

    def test_cron_splits_without_until(self, api):
        task = api.create(**DAILY | {"recurrence": {"cron": "0 8 * * *"}})
        old = edit(api, task, from_="2026-06-03T08:00+01:00", recurrence={"cron": "0 20 * * *"})["series"]
        assert old["cron"] == "0 8 * * *"
        dues = []
        for _ in range(3):
            task = advance(api, task)
            dues.append(task["due"])
        assert dues == ["2026-06-02T08:00", "2026-06-03T20:00", "2026-06-04T20:00"]

    def test_a_split_of_a_split_keeps_the_later_one(self, api):
        task = api.create(**DAILY)
        edit(api, task, from_="2026-06-04T08:00", title="Last")
        edit(api, task, from_="2026-06-02T08:00", title="Middle")
        titles = []
        for _ in range(4):
            task = advance(api, task)
            titles.append((task["due"][8:10], task["title"]))
        assert titles == [("02", "Middle"), ("03", "Middle"), ("04", "Last"), ("05", "Last")]

    def test_a_late_completion_misses_occurrences_of_the_successor_too(self, api, sim_clock):
        task = api.create(**DAILY)
        edit(api, task, from_="2026-06-02T08:00", title="Other")
        sim_clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
        following = advance(api, task)
        assert following["due"] == "2026-06-05T08:00"
        assert outcomes(api, following) == [
            ("2026-06-02T08:00", "missed"),
            ("2026-06-03T08:00", "missed"),
            ("2026-06-04T08:00", "missed"),
            ("2026-06-05T08:00", "open"),
        ]

    def test_reopening_the_last_one_makes_the_successor_wait_again(self, api):
        task = api.create(**DAILY)
        edit(api, task, from_="2026-06-02T08:00", title="Other")
        following = advance(api, task)
        act(api, task, "reopen")
        (only,) = api.open_tasks()
        assert only["id"] == task["id"]
        assert api.get(following["id"])["deleted_at"]
        again = advance(api, task)
        assert (again["title"], again["occurrence_key"]) == ("Other", "2026-06-02T08:00")
        api("PATCH", f"/v1/tasks/{again['id']}", {"title": "Touched"})
        assert act(api, task, "reopen", 409)["code"] == "newer_occurrence_changed"

    def test_a_waiting_successor_can_be_edited_and_stopped(self, api):
        task = api.create(**DAILY)
        waiting = {
            "series_id": edit(api, task, from_="2026-06-02T08:00", title="Other")["series"]["successor_id"]
        }
        edited = edit(api, waiting, due="2026-06-02T10:00", priority="P1")
        assert (edited["series"]["anchor"], edited["task"]) == ("2026-06-02T10:00", None)
        assert api("DELETE", f"/v1/series/{waiting['series_id']}").status_code == 200
        assert advance(api, task) is None
        assert api("POST", f"/v1/series/{waiting['series_id']}/resume").status_code == 200
        api.expand()
        (following,) = api.open_tasks()
        assert (following["due"], following["title"], following["priority"]) == (
            "2026-06-02T10:00",
            "Other",
            "P1",
        )

    def test_only_an_occurrence_still_to_come_can_be_the_first(self, api):
        task = api.create(**DAILY)
        second = advance(api, task)
        assert edit(api, second, 409, from_="2026-06-01T08:00")["code"] == "occurrence_closed"
        rule = {"rrule": "FREQ=DAILY", "mode": "from_completion"}
        other = api.create(**DAILY | {"recurrence": rule})
        assert edit(api, other, 422, from_="2026-06-03T08:00")["code"] == "from_completion_has_no_dates"


class TestStoppingAndResuming:
    def test_stop_and_resume(self, api):
        task = api.create(**DAILY)
        response = api("DELETE", f"/v1/series/{task['series_id']}")
        assert (response.status_code, response.get_json()["series"]["state"]) == (200, "stopped")
        assert response.get_json()["task"] is None
        assert api.get(task["id"])["deleted_at"]
        assert [e["task_id"] for e in api.events("task.deleted")] == [task["id"]]
        assert edit(api, task, 409, recurrence={"every": "week"})["code"] == "series_stopped"
        again = api("DELETE", f"/v1/series/{task['series_id']}")
        assert again.get_json()["series"]["version"] == response.get_json()["series"]["version"]
        resumed = api("POST", f"/v1/series/{task['series_id']}/resume").get_json()
        assert (resumed["series"]["state"], resumed["task"]["id"]) == ("active", task["id"])
        assert advance(api, task)["due"] == "2026-06-02T08:00"

    def test_stopping_before_the_expansion(self, api):
        task = api.create(**DAILY)
        act(api, task, "complete")
        api("DELETE", f"/v1/series/{task['series_id']}")
        api.expand()
        assert api.open_tasks() == []
        api("POST", f"/v1/series/{task['series_id']}/resume")
        api.expand()
        api.expand()
        (following,) = api.open_tasks()
        assert following["due"] == "2026-06-02T08:00"

    def test_an_ended_series_cannot_be_resumed_or_changed(self, api):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=DAILY;COUNT=1"}})
        assert advance(api, task) is None
        response = api("POST", f"/v1/series/{task['series_id']}/resume")
        assert (response.status_code, response.get_json()["code"]) == (409, "series_ended")
        assert edit(api, task, 409, title="x")["code"] == "series_ended"
        assert api("DELETE", f"/v1/series/{task['series_id']}").get_json()["series"]["state"] == "ended"

    def test_resuming_an_active_series_changes_nothing(self, api):
        task = api.create(**DAILY)
        resumed = api("POST", f"/v1/series/{task['series_id']}/resume").get_json()
        assert (resumed["series"]["version"], resumed["task"]["id"]) == (1, task["id"])

    def test_if_match(self, api):
        task = api.create(**DAILY)
        for method, path in (("DELETE", ""), ("POST", "/resume")):
            response = api(method, f"/v1/series/{task['series_id']}{path}", If_Match='"9"')
            assert response.status_code == 412

    def test_a_rule_without_an_answer_pauses_the_series_until_it_is_changed(self, api):
        task = api.create(**DAILY)
        api.owner.execute(
            "update series set rule = 'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30' where user_id = %s", (api.user_id,)
        )
        assert advance(api, task) is None
        paused = series_of(api, task)
        assert paused["state"] == "paused"
        assert paused["state_reason"]
        assert api.get(task["id"])["series_state"] == "paused"
        (event,) = api.events("series.paused")
        assert event["reason"] == paused["state_reason"]
        api.expand()
        assert len(api.events("series.paused")) == 1
        resume = f"/v1/series/{task['series_id']}/resume"
        assert api("POST", resume).get_json()["code"] == "recurrence_limit"
        assert edit(api, task, recurrence={"every": "day"})["series"]["state"] == "paused"
        assert api("POST", resume).get_json()["series"]["state"] == "active"
        api.expand()
        (following,) = api.open_tasks()
        assert following["due"] == "2026-06-02T08:00"
        assert act(api, task, "reopen")["series_state"] == "active"
