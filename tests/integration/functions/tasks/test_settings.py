"""`/v1/settings`: what can be set, what follows from it, and what a move to another zone does."""

import pytest

from shared.db.repositories import derived

DEFAULTS = {
    "timezone": "UTC",
    "email": None,
    "default_reminders": [],
    "channels": ["in_app", "webhook"],
    "quiet_hours": None,
    "digest_hour": None,
    "version": 0,
}


def put(api, **fields):
    response = api("PUT", "/v1/settings", fields)
    assert response.status_code == 200, response.text
    return response.get_json()


def instants(api, task):
    return [r["remind_at"] for r in api.get(task["id"])["reminders"]]


@pytest.fixture
def scheduled(rows, user_id):
    def of():
        sql = "select remind_at from reminders where user_id = %s and state = 'scheduled' order by remind_at"
        return [at.strftime("%Y-%m-%dT%H:%MZ") for (at,) in rows(sql, user_id)]

    return of


def test_before_the_first_change_the_defaults_are_shown(api):
    response = api("GET", "/v1/settings")
    assert (response.status_code, response.get_json()) == (200, DEFAULTS)
    assert response.headers["ETag"] == '"0"'


def test_everything_can_be_set_and_comes_back(api):
    given = {
        "timezone": "Europe/London",
        "email": "anna@example.org",
        "default_reminders": [
            {"before_minutes": 30},
            {"days_before": 1, "at": "09:00", "channels": ["in_app"]},
        ],
        "channels": ["webhook"],
        "quiet_hours": {"from": "22:00", "to": "07:00"},
        "digest_hour": 8,
    }
    assert put(api, **given) == given | {"version": 1}
    assert api("GET", "/v1/settings").get_json() == given | {"version": 1}
    cleared = put(api, email=None, quiet_hours=None, digest_hour=None, default_reminders=[])
    assert cleared == DEFAULTS | {"timezone": "Europe/London", "channels": ["webhook"], "version": 2}


def test_a_change_is_an_event_and_no_change_is_none(api):
    put(api, timezone="Europe/London")
    [event] = api.events("account.changed")
    assert (event["resource"], event["action"]) == ("settings", "updated")
    assert event["changes"] == {"timezone": {"from": "UTC", "to": "Europe/London"}}
    assert put(api, timezone="Europe/London")["version"] == 1
    assert len(api.events("account.changed")) == 1


def test_an_absent_field_keeps_its_value(api):
    put(api, timezone="Europe/London", digest_hour=8)
    assert put(api, channels=["in_app"])["digest_hour"] == 8


def test_a_stale_condition_is_refused_with_the_current_etag(api):
    assert api("PUT", "/v1/settings", {"digest_hour": 8}, If_Match='"0"').status_code == 200
    refused = api("PUT", "/v1/settings", {"digest_hour": 9}, If_Match='"0"')
    assert (refused.status_code, refused.headers["ETag"]) == (412, '"1"')
    assert api("PUT", "/v1/settings", {"digest_hour": 9}, If_Match='"1"').status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": None}, "timezone"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b.c\nBcc: d@e.f"}, "email"),
        ({"default_reminders": [{"remind_at": "2026-06-01T08:00:00Z"}]}, "default_reminders"),
        ({"default_reminders": [{"before_minutes": -1}]}, "default_reminders.0.before_minutes"),
        ({"channels": []}, "channels"),
        ({"channels": ["pigeon"]}, "channels.0"),
        ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.to"),
        ({"quiet_hours": {"from": "22:00", "to": "22:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "24:00", "to": "07:00"}}, "quiet_hours.from"),
        ({"digest_hour": 24}, "digest_hour"),
        ({"digest_hour": True}, "digest_hour"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_field_is_named_and_nothing_happens(api, body, field):
    response = api("PUT", "/v1/settings", body)
    assert response.status_code == 422
    assert [e["field"] for e in response.get_json()["errors"]] == [field]
    assert api("GET", "/v1/settings").get_json()["version"] == 0


def test_settings_are_the_users_own(api, make_api):
    put(api, email="anna@example.org")
    assert make_api("somebody-else").__call__("GET", "/v1/settings").get_json() == DEFAULTS


def test_default_reminders_are_for_new_tasks_with_a_due_that_name_none(api):
    put(api, default_reminders=[{"before_minutes": 30}])
    due = {"due": "2026-06-01T08:00Z"}
    assert instants(api, api.create(**due)) == ["2026-06-01T07:30:00Z"]
    assert api.create(**due)["remind_before_minutes"] == 30
    assert instants(api, api.create()) == []
    assert instants(api, api.create(**due, reminders=[])) == []
    assert instants(api, api.create(**due, remind_before_minutes=None)) == []
    assert instants(api, api.create(**due, remind_before_minutes=5)) == ["2026-06-01T07:55:00Z"]
    later = api.create()
    api("PATCH", f"/v1/tasks/{later['id']}", due)
    assert instants(api, later) == []  # it is not new any more


def test_a_user_who_moves_keeps_wall_times(api, scheduled):
    put(api, timezone="Europe/London")
    remind = {"reminders": [{"before_minutes": 30}]}
    floating = api.create(due="2026-06-01T08:00", **remind)
    zoned = api.create(due="2026-06-01T08:00", timezone="Europe/London", **remind)
    instant = api.create(due="2026-06-01T08:00Z", **remind)
    day = api.create(due="2026-06-01", reminders=[{"days_before": 0, "at": "09:00"}])
    before = {t["id"]: t for t in map(api.get, (x["id"] for x in (floating, zoned, instant, day)))}
    known = len(api.events())

    put(api, timezone="America/New_York")

    after = {task_id: api.get(task_id) for task_id in before}
    assert after[floating["id"]]["due"] == "2026-06-01T08:00"
    assert after[floating["id"]]["due_at"] == "2026-06-01T12:00:00Z"
    assert after[floating["id"]]["version"] == 2
    assert instants(api, floating) == ["2026-06-01T11:30:00Z"]
    assert instants(api, day) == ["2026-06-01T13:00:00Z"]
    for same in (zoned, instant):
        assert after[same["id"]] == before[same["id"]]
    assert scheduled() == ["2026-06-01T06:30Z", "2026-06-01T07:30Z", "2026-06-01T11:30Z", "2026-06-01T13:00Z"]
    moved = api.events()[known:]
    kinds = {
        task_id: [e["event_type"].split(".")[-2] for e in moved if e["task_id"] == task_id]
        for task_id in {e["task_id"] for e in moved}
    }
    assert kinds == {None: ["changed"], floating["id"]: ["updated", "changed"], day["id"]: ["changed"]}
    [updated] = [e for e in moved if ".updated." in e["event_type"]]
    assert updated["changes"] == {"due_at": {"from": "2026-06-01T07:00:00Z", "to": "2026-06-01T12:00:00Z"}}


def test_the_order_and_the_feed_follow_a_move(api, rows, user_id):
    day = api.create(due="2026-06-01")
    noon = api.create(due="2026-06-01T12:00Z")
    put(api, timezone="Pacific/Honolulu")  # the day begins at 10:00 UTC
    assert [t["id"] for t in api.open_tasks()] == [day["id"], noon["id"]]
    put(api, timezone="Pacific/Pago_Pago")
    put(api, timezone="Etc/GMT+12")  # the day begins at 12:00 UTC: equal instants, ties by id
    [(seq,)] = rows("select change_seq from accounts where user_id = %s", user_id)
    sql = "select change_seq, last_change, version from tasks where user_id = %s and id = %s"
    assert rows(sql, user_id, day["id"]) == [(seq, "updated", 1)]


def test_a_floating_series_goes_on_at_its_wall_time(api, sim_clock):
    put(api, timezone="Europe/London")
    first = api.create(due="2026-06-01T08:00", recurrence={"every": "day"}, remind_before_minutes=30)
    put(api, timezone="America/New_York")
    sim_clock.now = sim_clock.now.replace(month=5, day=31)
    api("POST", f"/v1/tasks/{first['id']}/complete")
    api.expand()
    [following] = api.open_tasks()
    assert (following["due"], following["due_at"]) == ("2026-06-02T08:00", "2026-06-02T12:00:00Z")
    assert instants(api, following) == ["2026-06-02T11:30:00Z"]


def test_a_reminder_that_a_move_puts_into_the_past_is_due_at_once(api, scheduled, sim_clock):
    put(api, timezone="America/New_York")
    sim_clock.now = sim_clock.now.replace(month=6, day=1, hour=10)
    api.create(due="2026-06-01T09:00", remind_before_minutes=30)
    assert scheduled() == ["2026-06-01T12:30Z"]
    put(api, timezone="Europe/London")  # 08:30 there was at 07:30Z
    assert scheduled() == ["2026-06-01T07:30Z"]


def test_what_was_reminded_of_is_not_repeated_by_a_move_to_the_east(api, rows, scheduled, user_id, sim_clock):
    put(api, timezone="America/New_York")
    sim_clock.now = sim_clock.now.replace(month=6, day=1, hour=10)
    api.create(due="2026-06-01T09:00", reminders=[{"before_minutes": 60}, {"before_minutes": 30}])
    rows(
        "update reminders set state = 'sent' where user_id = %s and remind_at = '2026-06-01T12:00Z'", user_id
    )
    put(api, timezone="Europe/London")
    assert scheduled() == ["2026-06-01T07:30Z"]


def test_tasks_that_were_not_open_follow_when_they_come_back(api):
    done, gone = (api.create(due="2026-06-01T08:00") for _ in range(2))
    api("POST", f"/v1/tasks/{done['id']}/complete")
    api("DELETE", f"/v1/tasks/{gone['id']}")
    put(api, timezone="America/New_York")
    assert api.get(done["id"])["due_at"] == "2026-06-01T08:00:00Z"
    api("POST", f"/v1/tasks/{done['id']}/reopen")
    api("POST", f"/v1/tasks/{gone['id']}/restore")
    assert {t["due_at"] for t in api.open_tasks()} == {"2026-06-01T12:00:00Z"}


def test_more_tasks_than_one_request_may_touch_are_left_to_the_relay(api, rows, user_id, monkeypatch):
    for _ in range(3):
        api.create(due="2026-06-01T08:00")
    assert rows("select tzdata is not null from accounts where user_id = %s", user_id) == [(True,)]
    monkeypatch.setattr(derived.DerivedInstants.refresh, "__kwdefaults__", {"after": None, "limit": 2})
    put(api, timezone="America/New_York")
    assert (
        sorted(t["due_at"] for t in api.open_tasks())
        == ["2026-06-01T08:00:00Z"] + ["2026-06-01T12:00:00Z"] * 2
    )
    assert rows("select tzdata from accounts where user_id = %s", user_id) == [(None,)]


def test_a_move_of_hundreds_of_tasks_is_one_request(api, uow, user_id, rows):
    from functions.tasks.tasks import verbs
    from shared.testing.deliveries import CAUSE

    with uow("api").write(user_id, CAUSE) as tx:
        for _ in range(400):
            verbs.create(tx, {"title": "x", "due": "2026-06-01T08:00", "remind_before_minutes": 5})
    put(api, timezone="America/New_York")
    sql = "select count(*) from tasks where user_id = %s and due_at = '2026-06-01T12:00Z' and version = 2"
    assert rows(sql, user_id) == [(400,)]
    sql = "select count(*) from reminders where user_id = %s and state = 'scheduled' and remind_at = %s"
    assert rows(sql, user_id, "2026-06-01T11:55Z") == [(400,)]


def test_the_next_digest_follows_the_settings(api, rows, user_id, sim_clock):
    def due():
        [(at,)] = rows("select next_digest_at from accounts where user_id = %s", user_id)
        return at and at.strftime("%m-%dT%H:%MZ")

    put(api, digest_hour=8)
    assert due() == "01-02T08:00Z"
    put(api, digest_hour=20)
    assert due() == "01-01T20:00Z"
    put(api, timezone="America/New_York")
    assert due() == "01-02T01:00Z"
    sim_clock.advance(hours=14)  # it is due, and a change must not push it away
    put(api, timezone="Europe/London")
    assert due() == "01-02T01:00Z"
    put(api, email="anna@example.org")
    assert due() == "01-02T01:00Z"
    put(api, digest_hour=None)
    assert due() is None
