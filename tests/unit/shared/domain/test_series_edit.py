"""What an edit makes of a series, without a database."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from shared.domain.errors import Invalid
from shared.domain.next_occurrence import counted_before, first_match, first_step
from shared.domain.series import Series
from shared.domain.series_edit import revise, revise_after, split

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONDON = "Europe/London"


def series(rule="FREQ=DAILY", *, anchor=datetime(2026, 6, 1, 8), timezone: str | None = LONDON, **fields):
    known = {"kind": "rrule", "mode": "catch_up", "value_type": "datetime"}
    if type(anchor) is date:
        anchor, known["value_type"] = datetime(anchor.year, anchor.month, anchor.day), "date"
    return Series(
        id=UUID(int=1),
        rule=rule,
        anchor=anchor,
        timezone=timezone,
        created_at=NOW,
        updated_at=NOW,
        **(known | fields),
    )


def revised(before, *, key="2026-06-01T08:00", **given):
    return revise(before, given, key=key, like=None, now=NOW)


def halves(before, key, *, current="2026-06-01T08:00", **given):
    return split(before, given, current=current, key=key, like=None, now=NOW)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("FREQ=WEEKLY", "2026-06-01T08:00"),
        ("FREQ=WEEKLY;BYDAY=TU", "2026-06-02T08:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "2026-06-15T08:00"),
        ("FREQ=DAILY;BYHOUR=7", "2026-06-02T07:00"),
        ("FREQ=DAILY;BYHOUR=9", "2026-06-01T09:00"),
        ("FREQ=HOURLY;INTERVAL=6", "2026-06-01T08:00+01:00"),
        ("FREQ=YEARLY;BYMONTH=3", "2027-03-01T08:00"),
    ],
)
def test_a_new_rule_starts_at_the_first_time_it_names(rule, key):
    found = revised(series(), recurrence={"rrule": rule})
    assert (found.key, found.counts_anew, found.series.emitted_count) == (key, True, 1)
    assert found.series.first_key() == key


def test_the_same_rule_in_other_words_counts_on():
    before = series("FREQ=DAILY;COUNT=9", emitted_count=4)
    found = revised(before, recurrence={"rrule": "rrule:count=9;freq=daily"})
    assert (found.series, found.counts_anew) == (before, False)


def test_a_due_of_another_kind_takes_the_exceptions_away():
    before = series(exdates=["2026-06-05T08:00"], rdates=["2026-06-06T09:00"])
    found = revised(before, due="2026-06-01")
    assert (found.series.value_type, found.series.exdates, found.series.rdates) == ("date", [], [])
    assert found.key == "2026-06-01"
    kept = revised(before, recurrence={"every": "week"}).series
    assert kept.exdates == ["2026-06-05T08:00"]


def test_exceptions_are_kept_sorted_and_in_the_form_of_keys():
    given = ["20260605T080000", "2026-06-03", "2026-06-05T08:00", "20260604T070000Z"]
    assert revised(series(), exdates=given).series.exdates == [
        "2026-06-03",
        "2026-06-04T07:00+00:00",
        "2026-06-05T08:00",
    ]
    assert revised(series(exdates=["2026-06-05T08:00"]), exdates=None).series.exdates == []


@pytest.mark.parametrize(
    ("before", "given", "field"),
    [
        (series(anchor=date(2026, 6, 1), timezone=None), {"exdates": ["2026-06-05T08:00"]}, "exdates"),
        (series(timezone=None), {"rdates": ["2026-06-05T08:00Z"]}, "rdates"),
        (series(), {"exdates": ["2026-W23-1"]}, "exdates.0"),
        (series("FREQ=DAILY;COUNT=1"), {"exdates": ["2026-06-01"]}, "exdates"),
        (series(), {"recurrence": {"rrule": "FREQ=DAILY;UNTIL=20260101"}}, "recurrence.rrule"),
        (series(), {"recurrence": {"rrule": "FREQ=WEEKLY;BYDAY=FR;UNTIL=20260602"}}, "recurrence"),
        (series("FREQ=HOURLY"), {"due": "2026-06-01"}, "recurrence.rrule"),
        (series("0 8 * * *", kind="cron"), {"due": "2026-06-01"}, "recurrence.cron"),
    ],
)
def test_what_cannot_be_is_refused(before, given, field):
    key = "2026-06-01" if before.value_type == "date" else before.first_key()
    with pytest.raises(Invalid) as refused:
        revised(before, key=key, **given)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize(
    ("before", "key", "rule"),
    [
        (series(), "2026-06-04T08:00", "FREQ=DAILY;UNTIL=20260604T065959Z"),
        (series(timezone=None), "2026-06-04T08:00", "FREQ=DAILY;UNTIL=20260604T075959"),
        (series(anchor=date(2026, 6, 1), timezone=None), "2026-06-04", "FREQ=DAILY;UNTIL=20260603"),
        (
            series("FREQ=DAILY;UNTIL=20270101T000000Z"),
            "2026-06-04T08:00",
            "FREQ=DAILY;UNTIL=20260604T065959Z",
        ),
        (series("FREQ=DAILY;COUNT=9", emitted_count=2), "2026-06-04T08:00", "FREQ=DAILY;COUNT=4"),
        (series("FREQ=HOURLY"), "2026-06-01T10:00+01:00", "FREQ=HOURLY;UNTIL=20260601T085959Z"),
    ],
)
def test_the_first_half_ends_just_before(before, key, rule):
    current = "2026-06-01" if before.value_type == "date" else before.first_key()
    old, new = halves(before, key, current=current)
    assert old.rule == rule
    assert (new.first_key(), new.emitted_count) == (key, 1)


def test_the_rest_of_count_and_of_the_added_dates_goes_on():
    rdates = ["2026-06-02T20:00", "2026-06-05", "2026-06-09T20:00"]
    before = series("FREQ=DAILY;COUNT=9", rdates=rdates, exdates=["2026-06-03T08:00"])
    old, new = halves(before, "2026-06-04T08:00")
    assert (old.rule, new.rule) == ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=6")
    assert (old.rdates, new.rdates) == (rdates[:1], rdates[1:])
    _, own = halves(before, "2026-06-04T08:00", recurrence={"every": "week"})
    assert own.rule == "FREQ=WEEKLY"


@pytest.mark.parametrize(
    "key",
    ["2026-06-01T08:00", "2026-06-04T09:00", "2026-06-03T08:00", "2026-06-04", "2026-06-20T08:00", "soon"],
)
def test_a_split_needs_an_occurrence_of_the_rule(key):
    before = series("FREQ=DAILY;COUNT=9", exdates=["2026-06-03T08:00"])
    with pytest.raises(Invalid) as refused:
        halves(before, key)
    assert refused.value.code == "unknown_occurrence"


def test_an_added_date_is_no_place_to_split():
    before = series(rdates=["2026-06-02T20:00"])
    assert counted_before(before.recurrence(), key="2026-06-02T20:00", current="2026-06-01T08:00") is None


def test_a_rule_that_follows_a_finished_occurrence_has_counted_nothing():
    before = series("FREQ=DAILY;COUNT=9", emitted_count=4)
    after, anew = revise_after(
        before, {"recurrence": {"rrule": "FREQ=WEEKLY;COUNT=2"}}, key="2026-06-04T08:00"
    )
    assert (after.rule, after.emitted_count, after.anchor, anew) == (
        "FREQ=WEEKLY;COUNT=2",
        0,
        datetime(2026, 6, 4, 8),
        True,
    )
    same, anew = revise_after(before, {"exdates": ["2026-06-09"]}, key="2026-06-04T08:00")
    assert (same.emitted_count, anew) == (4, False)


def test_the_first_match_need_not_be_the_anchor():
    before = series("FREQ=WEEKLY;BYDAY=TH")
    found = first_match(before.recurrence(), before.anchor)
    assert found is not None
    assert found.key == "2026-06-04T08:00"
    assert first_match(series("FREQ=DAILY;UNTIL=20260602").recurrence(), datetime(2026, 7, 1)) is None


@pytest.mark.parametrize(
    ("fields", "at", "outcome", "expected"),
    [
        ({}, datetime(2026, 5, 30, tzinfo=UTC), "done", ("2026-06-01T08:00", (), 1)),
        ({}, datetime(2026, 6, 2, tzinfo=UTC), "done", ("2026-06-02T08:00", ("2026-06-01T08:00",), 2)),
        ({}, datetime(2026, 6, 2, tzinfo=UTC), "skipped", ("2026-06-01T08:00", (), 1)),
        ({"mode": "fixed"}, datetime(2026, 6, 2, tzinfo=UTC), "done", ("2026-06-01T08:00", (), 1)),
        ({"exdates": ["2026-06-01"]}, datetime(2026, 5, 30, tzinfo=UTC), "done", ("2026-06-02T08:00", (), 2)),
        ({"rule": "FREQ=DAILY;COUNT=1"}, datetime(2026, 6, 2, tzinfo=UTC), "done", None),
    ],
)
def test_the_first_step_of_a_successor(fields, at, outcome, expected):
    step = first_step(series(**fields).recurrence(), outcome=outcome, at=at, user_zone="UTC")
    assert (step and (step.key, step.missed, step.emitted_count)) == expected
