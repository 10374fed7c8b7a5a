"""What the bodies of every noun refuse: names that show nothing, times and zones; each by its field."""

import pytest

RULE = {"rrule": "FREQ=DAILY"}
DUE = "2031-06-01T08:00"
NOTHING = ["", "  ", "\u200b\u2060", "\u3164", "\u2800", "\U000e0041", "\ufe0f", "\u0301", "\u00ad"]
NO_INSTANTS = [
    "",
    "2031-06-01",
    "2031-06-01T08:00",
    "2031-06-01 08:00Z",
    "2031-W23-1T08:00Z",
    "2031-06-01T24:00Z",
    "2031-06-01T08:00Z\u0001",
    "203\u0661-06-01T08:00Z",
    "infinity",
    "0001-01-01T00:00+14:00",
    "9999-12-31T23:59-12:00",
    "1969-12-31T23:59Z",
    "2200-01-01T00:00Z",
]


def refused(response, field):
    assert response.status_code == 422, response.text
    problem = response.get_json()
    assert [error["field"] for error in problem["errors"]] == [field], problem
    assert all(error["message"] for error in problem["errors"])


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_names_show_something(api, text):
    refused(api("POST", "/v1/tasks", {"title": text}), "title")
    refused(api("POST", "/v1/tasks", {"title": "x", "tags": ["home", text]}), "tags.1")
    task = api.create(due=DUE, recurrence=RULE)
    refused(api("PATCH", f"/v1/tasks/{task['id']}", {"title": text}), "title")
    refused(api("PATCH", f"/v1/series/{task['series_id']}", {"title": text}), "title")
    refused(api("PATCH", f"/v1/series/{task['series_id']}", {"tags": [text]}), "tags.0")
    assert api("PATCH", f"/v1/tasks/{task['id']}", {"description": text}).status_code == 200


def test_a_title_cannot_be_cleared(api):
    task = api.create(due=DUE, recurrence=RULE)
    refused(api("PATCH", f"/v1/tasks/{task['id']}", {"title": None}), "title")
    refused(api("PATCH", f"/v1/series/{task['series_id']}", {"title": None}), "title")


@pytest.mark.parametrize("text", NO_INSTANTS, ids=ascii)
def test_instants_have_an_offset_and_a_year_that_is_kept(api, text):
    refused(api("POST", "/v1/tasks", {"title": "x", "due_at": text}), "due_at")
    refused(api("POST", "/v1/tasks", {"title": "x", "due_at": text, "timezone": "Asia/Kathmandu"}), "due_at")
    refused(
        api("POST", "/v1/tasks", {"title": "x", "reminders": [{"remind_at": text}]}), "reminders.0.remind_at"
    )
    task = api.create(due=DUE, recurrence=RULE)
    refused(api("PATCH", f"/v1/tasks/{task['id']}", {"due_at": text}), "due_at")
    refused(api("POST", f"/v1/tasks/{task['id']}/snooze", {"until": text}), "until")


@pytest.mark.parametrize("body", [{}, {"minutes": None}, {"minutes": None, "until": None}])
def test_a_snooze_without_a_time_names_minutes(api, body):
    refused(api("POST", f"/v1/tasks/{api.create()['id']}/snooze", body), "minutes")


def test_a_snooze_with_two_times_names_until(api):
    both = {"minutes": 5, "until": "2031-06-01T08:00Z"}
    refused(api("POST", f"/v1/tasks/{api.create()['id']}/snooze", both), "until")


@pytest.mark.parametrize("zone", ["", " ", "Europe/London ", "\u0001", "Mars/Olympus"], ids=ascii)
def test_zones_are_names(api, zone):
    refused(api("POST", "/v1/tasks", {"title": "x", "timezone": zone}), "timezone")
    refused(api("POST", "/v1/tasks", {"title": "x", "due": DUE, "timezone": zone}), "timezone")
    refused(
        api("POST", "/v1/recurrence/preview", {"recurrence": RULE, "due": DUE, "timezone": zone}), "timezone"
    )
    refused(api("PUT", "/v1/settings", {"timezone": zone}), "timezone")
    task = api.create(due=DUE, recurrence=RULE)
    refused(api("PATCH", f"/v1/tasks/{task['id']}", {"timezone": zone}), "timezone")
    refused(api("PATCH", f"/v1/series/{task['series_id']}", {"timezone": zone}), "timezone")


@pytest.mark.parametrize("due", ["", " ", "2031-W01", "0001-01-01", "9999-12-31T23:59-01:00", "infinity"])
def test_dues(api, due):
    task = api.create(due=DUE, recurrence=RULE)
    refused(api("POST", "/v1/tasks", {"title": "x", "due": due}), "due")
    refused(api("POST", "/v1/recurrence/preview", {"recurrence": RULE, "due": due}), "due")
    refused(api("PATCH", f"/v1/series/{task['series_id']}", {"due": due}), "due")


@pytest.mark.parametrize("when", ["", "0001-01-01T00:00+14:00", "9999-12-31T23:59-01:00", "0001-01-01T00:00"])
def test_keys_and_exceptions_of_a_series(api, when):
    task = api.create(due=DUE, timezone="Pacific/Kiritimati", recurrence=RULE)
    path = f"/v1/series/{task['series_id']}"
    refused(api("PATCH", path, {"from": when, "title": "y"}), "from")
    for name in ("exdates", "rdates"):
        response = api("PATCH", path, {name: [when]})
        assert response.status_code == 422, response.text
        assert response.get_json()["errors"][0]["field"] in (name, f"{name}.0")


def test_digits_of_a_clock_are_ascii(api):
    quiet = {"quiet_hours": {"from": "2\u0662:30", "to": "07:00"}}
    refused(api("PUT", "/v1/settings", quiet), "quiet_hours.from")


def test_instants_come_back_in_utc(api):
    task = api.create(reminders=[{"remind_at": "2031-06-01t08:00:00.000000000+02:00"}])
    assert task["reminders"][0]["remind_at"] == "2031-06-01T06:00:00Z"


def test_outer_blanks_of_a_tag_are_trimmed_and_a_comma_is_refused(api):
    assert api.create(tags=[" \u00a0deep work\u200b "])["tags"] == ["deep work"]
    refused(api("POST", "/v1/tasks", {"title": "x", "tags": ["a,b"]}), "tags.0")
    refused(api("POST", "/v1/tasks", {"title": "x", "tags": ["Straße", " STRASSE"]}), "tags")


def test_a_rule_as_calendars_write_it(api):
    text = "DTSTART;TZID=Europe/London:20310601T080000\r\nRRULE:FREQ=WEEKLY; BYDAY=MO,\r\n FR;\r\n"
    task = api.create(due=DUE, timezone="Europe/London", recurrence={"rrule": text})
    assert task["recurrence"]["rrule"] == "FREQ=WEEKLY;BYDAY=MO,FR"
    refused(
        api("POST", "/v1/tasks", {"title": "x", "due": "2031-06-02T08:00", "recurrence": {"rrule": text}}),
        "recurrence.rrule",
    )
