"""What a rule would give, without keeping anything."""

import pytest

LONDON = "Europe/London"


def preview(api, status=200, **body):
    response = api("POST", "/v1/recurrence/preview", body)
    assert response.status_code == status, response.text
    return response.get_json()


def test_times_with_their_instants(api):
    found = preview(
        api, recurrence={"rrule": "FREQ=WEEKLY;BYDAY=MO"}, due="2026-10-19T08:00", timezone=LONDON, limit=2
    )
    assert found["occurrences"] == [
        {"key": "2026-10-19T08:00", "at": "2026-10-19T07:00:00Z"},
        {"key": "2026-10-26T08:00", "at": "2026-10-26T08:00:00Z"},
    ]
    assert found["text"].startswith("every Monday") or "Monday" in found["text"]


def test_days_have_no_instant_and_floating_times_that_of_the_user(api):
    days = preview(api, recurrence={"every": "day"}, due="2026-06-01", limit=2)
    assert days["occurrences"] == [{"key": "2026-06-01", "at": None}, {"key": "2026-06-02", "at": None}]
    floating = preview(api, recurrence={"every": "day"}, due="2026-06-01T08:00", limit=1)
    assert floating["occurrences"] == [{"key": "2026-06-01T08:00", "at": "2026-06-01T08:00:00Z"}]


def test_cron(api):
    found = preview(api, recurrence={"cron": "0 9 * * 1-5"}, due="2026-06-05T09:00", timezone=LONDON, limit=2)
    assert [o["key"] for o in found["occurrences"]] == ["2026-06-05T09:00+01:00", "2026-06-08T09:00+01:00"]
    assert found["text"]


def test_it_ends_with_the_rule_or_after_five_years(api):
    assert len(preview(api, recurrence={"rrule": "FREQ=DAILY;COUNT=3"}, due="2026-06-01")["occurrences"]) == 3
    yearly = preview(api, recurrence={"every": "year"}, due="2026-06-01", limit=100)["occurrences"]
    assert [o["key"][:4] for o in yearly] == ["2026", "2027", "2028", "2029", "2030", "2031"]
    assert len(preview(api, recurrence={"every": "day"}, due="2026-06-01", limit=100)["occurrences"]) == 100
    assert len(preview(api, recurrence={"every": "day"}, due="2026-06-01")["occurrences"]) == 10


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recurrence": {"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}}, "recurrence.rrule"),
        ({"recurrence": {"rrule": "FREQ=SOMETIMES"}}, "recurrence.rrule"),
        ({"recurrence": {"cron": "61 * * * *"}}, "recurrence.cron"),
        ({"recurrence": {}}, "recurrence"),
    ],
)
def test_an_invalid_rule(api, body, field):
    problem = preview(api, 422, **{"due": "2026-06-01T08:00"} | body)
    assert (problem["code"], problem["errors"][0]["field"]) == ("invalid_recurrence", field)


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"limit": 101}, {"due": None}, {"timezone": "Mars"}, {"x": 1}]
)
def test_other_fields_are_checked(api, wrong):
    preview(api, 422, **{"recurrence": {"every": "day"}, "due": "2026-06-01T08:00"} | wrong)
