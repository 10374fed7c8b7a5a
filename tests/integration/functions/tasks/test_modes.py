"""Modes, cron schedules and skipping what was missed, end to end; undo returns to what was."""

from datetime import UTC, datetime, timedelta

import pytest

LONDON = "Europe/London"
CRON = {"due": "2026-06-01T09:00", "timezone": LONDON, "recurrence": {"cron": "0 9 * * 1-5"}}
DAILY = {"due": "2026-06-01T08:00", "timezone": LONDON, "recurrence": {"rrule": "FREQ=DAILY"}}


def act(api, task, action, status=200, **body):
    response = api("POST", f"/v1/tasks/{task['id']}/{action}", body or None)
    assert response.status_code == status, response.text
    return response.get_json()


def advance(api, task, action="complete", **body):
    act(api, task, action, **body)
    api.expand()
    return next(iter(api.open_tasks()), None)


def record(api):
    return api.owner.execute(
        "select key, outcome from occurrences where user_id = %s order by ordinal", (api.user_id,)
    ).fetchall()


def row(api):
    """The series but for its version and times."""
    return api.owner.execute(
        """select kind, rule, mode, anchor, timezone, exdates, rdates, state, state_reason, emitted_count
           from series where user_id = %s""",
        (api.user_id,),
    ).fetchone()


class TestSkippingWhatWasMissed:
    def test_it_goes_on_after_now(self, api, sim_clock):
        task = api.create(**DAILY)
        sim_clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
        following = advance(api, task, "skip", missed=True)
        assert following["due"] == "2026-06-05T08:00"
        assert record(api) == [
            ("2026-06-01T08:00", "skipped"),
            ("2026-06-02T08:00", "missed"),
            ("2026-06-03T08:00", "missed"),
            ("2026-06-04T08:00", "missed"),
            ("2026-06-05T08:00", "open"),
        ]

    def test_up_to_the_time_of_the_skip_not_of_its_event(self, api, sim_clock):
        task = api.create(**DAILY)
        sim_clock.now = datetime(2026, 6, 2, 12, tzinfo=UTC)
        act(api, task, "skip", missed=True)
        sim_clock.now = datetime(2026, 6, 9, 12, tzinfo=UTC)
        api.expand()
        (following,) = api.open_tasks()
        assert following["due"] == "2026-06-03T08:00"

    def test_undo_restores_everything(self, api, sim_clock):
        task = api.create(**DAILY)
        before = row(api)
        sim_clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
        advance(api, task, "skip", missed=True)
        act(api, task, "reopen")
        assert record(api) == [("2026-06-01T08:00", "open")]
        assert row(api) == before

    def test_the_state_decides_not_an_earlier_event(self, api, sim_clock):
        task = api.create(**DAILY)
        sim_clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
        act(api, task, "skip", missed=True)
        act(api, task, "reopen")
        act(api, task, "skip")
        api.expand()  # the event of the first skip as well
        (following,) = api.open_tasks()
        assert following["due"] == "2026-06-02T08:00"

    def test_false_is_a_plain_skip_and_other_fields_are_refused(self, api, sim_clock):
        sim_clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
        task = api.create(**DAILY)
        assert advance(api, task, "skip", missed=False)["due"] == "2026-06-02T08:00"
        (task,) = api.open_tasks()
        act(api, task, "complete", 422, missed=True)
        act(api, task, "skip", 422, missed="yes")


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            ("catch_up", "2026-06-04T08:00"),
            ("fixed", "2026-06-02T08:00"),
            ("from_completion", "2026-06-05T08:00"),
        ],
    )
    def test_done_late(self, api, sim_clock, mode, expected):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=DAILY", "mode": mode}})
        sim_clock.now = datetime(2026, 6, 4, 6, 45, tzinfo=UTC)
        following = advance(api, task)
        assert (following["due"], following["recurrence"]["mode"]) == (expected, mode)

    def test_undo_from_completion_keeps_the_phase(self, api, sim_clock):
        rule = {"rrule": "FREQ=DAILY;INTERVAL=3;COUNT=4", "mode": "from_completion"}
        task = api.create(**DAILY | {"recurrence": rule})
        before = row(api)
        sim_clock.now = datetime(2026, 6, 5, 12, tzinfo=UTC)
        second = advance(api, task)
        assert second["due"] == "2026-06-08T08:00"
        between = row(api)
        sim_clock.now = datetime(2026, 6, 10, 12, tzinfo=UTC)
        assert advance(api, second)["due"] == "2026-06-13T08:00"
        act(api, second, "reopen")
        assert row(api) == between
        assert advance(api, second)["due"] == "2026-06-13T08:00"
        act(api, second, "reopen")
        act(api, task, "reopen")  # what was done to the second one is undone: nothing is in the way
        assert row(api) == before

    def test_undo_from_completion_returns_to_the_very_row(self, api, sim_clock):
        rule = {"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=9", "mode": "from_completion"}
        task = api.create(**DAILY | {"recurrence": rule})
        before, history = row(api), record(api)
        sim_clock.now = datetime(2026, 6, 17, 12, tzinfo=UTC)
        advance(api, task)
        act(api, task, "reopen")
        assert (row(api), record(api)) == (before, history)

    def test_a_skip_from_completion_steps_from_the_occurrence(self, api, sim_clock):
        rule = {"rrule": "FREQ=DAILY;INTERVAL=3", "mode": "from_completion"}
        task = api.create(**DAILY | {"recurrence": rule})
        sim_clock.now = datetime(2026, 6, 2, 12, tzinfo=UTC)
        second = advance(api, task)
        assert second["due"] == "2026-06-05T08:00"
        assert advance(api, second, "skip")["due"] == "2026-06-08T08:00"

    def test_count_counts_completions(self, api, sim_clock):
        rule = {"rrule": "FREQ=DAILY;COUNT=2", "mode": "from_completion"}
        task = api.create(**DAILY | {"recurrence": rule})
        sim_clock.now = datetime(2026, 7, 1, 12, tzinfo=UTC)
        second = advance(api, task)
        assert second["due"] == "2026-07-02T08:00"
        assert advance(api, second) is None
        assert act(api, second, "reopen")["status"] == "open"
        assert row(api)[-3:] == ("active", None, 2)
        assert advance(api, second) is None


class TestCron:
    def test_keys_carry_the_offset(self, api):
        task = api.create(**CRON)
        assert task["recurrence"] == {"cron": "0 9 * * 1-5", "mode": "catch_up"}
        assert task["occurrence_key"] == "2026-06-01T09:00+01:00"
        following = advance(api, task)
        assert (following["due"], following["occurrence_key"]) == (
            "2026-06-02T09:00",
            "2026-06-02T09:00+01:00",
        )
        items = api("GET", f"/v1/series/{task['series_id']}/occurrences").get_json()["items"]
        assert [o["at"] for o in items] == ["2026-06-02T08:00:00Z", "2026-06-01T08:00:00Z"]
        assert "09:00" in api("GET", f"/v1/series/{task['series_id']}").get_json()["text"]

    def test_both_hours_of_a_fold(self, api, sim_clock):
        task = api.create(due="2026-10-25T00:30", timezone=LONDON, recurrence={"cron": "30 * * * *"})
        keys = [task["occurrence_key"]]
        for _ in range(3):
            task = advance(api, task)
            keys.append(task["occurrence_key"])
        assert keys == [
            "2026-10-25T00:30+01:00",
            "2026-10-25T01:30+01:00",
            "2026-10-25T01:30+00:00",
            "2026-10-25T02:30+00:00",
        ]

    def test_skip_reopen_and_catch_up(self, api, sim_clock):
        task = api.create(**CRON)
        before = row(api)
        assert advance(api, task, "skip")["due"] == "2026-06-02T09:00"
        act(api, task, "reopen")
        assert row(api) == before
        sim_clock.now = datetime(2026, 6, 8, 7, tzinfo=UTC)
        assert advance(api, task)["due"] == "2026-06-08T09:00"
        assert [o for _, o in record(api)] == ["done", "missed", "missed", "missed", "missed", "open"]

    def test_it_needs_a_time_and_a_schedule(self, api):
        for body in ({"due": "2026-06-01"}, {"recurrence": {"cron": "* * * * *"}}):
            response = api("POST", "/v1/tasks", {"title": "x"} | CRON | body)
            assert response.status_code == 422


class TestExceptions:
    def test_undo_returns_the_count_past_added_and_excluded_dates(self, api):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=WEEKLY;COUNT=3"}})
        path = f"/v1/series/{task['series_id']}"
        dates = {"rdates": ["2026-06-03T15:00"], "exdates": ["2026-06-08T08:00"]}
        assert api("PATCH", path, dates).status_code == 200
        rows = [row(api)]
        tasks = [api.open_tasks()[0]]
        while (following := advance(api, tasks[-1])) is not None:
            tasks.append(following)
            rows.append(row(api))
        assert [t["due"] for t in tasks] == ["2026-06-01T08:00", "2026-06-03T15:00", "2026-06-15T08:00"]
        act(api, tasks[-1], "reopen")
        assert row(api) == rows[-1]

    def test_an_endless_catch_up_is_bounded(self, api, sim_clock):
        task = api.create(**DAILY | {"recurrence": {"rrule": "FREQ=HOURLY"}})
        sim_clock.now = datetime(2026, 6, 1, 8, tzinfo=UTC) + timedelta(days=400)
        assert advance(api, task)["due_at"] == "2027-07-06T09:00:00Z"
        assert len(record(api)) == 1_002
        ordinals = api.owner.execute(
            "select ordinal from occurrences where user_id = %s order by ordinal", (api.user_id,)
        ).fetchall()
        assert [o for (o,) in ordinals] == list(range(1, 1_003))


def test_an_hourly_series_has_both_of_the_hours_that_come_twice(api, sim_clock):
    sim_clock.now = datetime(2026, 11, 1, 4, tzinfo=UTC)
    task = api.create(
        due="2026-11-01T00:30",
        timezone="America/New_York",
        recurrence={"rrule": "FREQ=HOURLY", "mode": "fixed"},
    )
    seen = []
    for _ in range(4):
        seen.append((task["occurrence_key"], task["due_at"]))
        task = advance(api, task)
    assert seen == [
        ("2026-11-01T00:30-04:00", "2026-11-01T04:30:00Z"),
        ("2026-11-01T01:30-04:00", "2026-11-01T05:30:00Z"),
        ("2026-11-01T01:30-05:00", "2026-11-01T06:30:00Z"),
        ("2026-11-01T02:30-05:00", "2026-11-01T07:30:00Z"),
    ]
