"""The engine against the vectors of the specification: zones (C), rules (D), sets, anchors and safety."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.recurrence import (
    InvalidRecurrence,
    RecurrenceLimit,
    from_shortcut,
    occurrences,
    validate,
)
from shared.domain.zones import UnknownZone

NY = "America/New_York"


def wall(text):
    return datetime.fromisoformat(text)


def expand(rule, start, tz, limit=3, **options):
    """Occurrences as `2026-03-08T03:30-04:00 07:30Z`."""
    found = occurrences(rule, wall(start), tz, limit=limit, **options)
    return [f"{at.isoformat(timespec='minutes')} {at.astimezone(UTC):%m-%dT%H:%MZ}" for at in found]


ZONE_VECTORS = [
    (NY, "FREQ=DAILY", "2026-03-07T02:30", [
        "2026-03-07T02:30-05:00 03-07T07:30Z", "2026-03-08T03:30-04:00 03-08T07:30Z",
        "2026-03-09T02:30-04:00 03-09T06:30Z"]),
    (NY, "FREQ=DAILY", "2026-10-31T01:30", [
        "2026-10-31T01:30-04:00 10-31T05:30Z", "2026-11-01T01:30-04:00 11-01T05:30Z",
        "2026-11-02T01:30-05:00 11-02T06:30Z"]),
    (NY, "FREQ=HOURLY", "2026-03-08T00:30", [
        "2026-03-08T00:30-05:00 03-08T05:30Z", "2026-03-08T01:30-05:00 03-08T06:30Z",
        "2026-03-08T03:30-04:00 03-08T07:30Z", "2026-03-08T04:30-04:00 03-08T08:30Z"]),
    (NY, "FREQ=HOURLY", "2026-11-01T00:30", [
        "2026-11-01T00:30-04:00 11-01T04:30Z", "2026-11-01T01:30-04:00 11-01T05:30Z",
        "2026-11-01T01:30-05:00 11-01T06:30Z", "2026-11-01T02:30-05:00 11-01T07:30Z"]),
    (NY, "FREQ=HOURLY;INTERVAL=6", "2026-03-07T20:00", [
        "2026-03-07T20:00-05:00 03-08T01:00Z", "2026-03-08T03:00-04:00 03-08T07:00Z",
        "2026-03-08T09:00-04:00 03-08T13:00Z", "2026-03-08T15:00-04:00 03-08T19:00Z"]),
    ("Europe/London", "FREQ=DAILY", "2026-03-28T01:30", [
        "2026-03-28T01:30+00:00 03-28T01:30Z", "2026-03-29T02:30+01:00 03-29T01:30Z",
        "2026-03-30T01:30+01:00 03-30T00:30Z"]),
    ("Europe/London", "FREQ=DAILY;BYHOUR=1,2;BYMINUTE=0,30", "2026-03-29T01:00", [
        "2026-03-29T02:00+01:00 03-29T01:00Z", "2026-03-29T02:30+01:00 03-29T01:30Z",
        "2026-03-30T01:00+01:00 03-30T00:00Z"]),
    ("Europe/London", "FREQ=DAILY", "2026-10-24T01:30", [
        "2026-10-24T01:30+01:00 10-24T00:30Z", "2026-10-25T01:30+01:00 10-25T00:30Z",
        "2026-10-26T01:30+00:00 10-26T01:30Z"]),
    ("Australia/Lord_Howe", "FREQ=DAILY", "2026-10-03T02:15", [
        "2026-10-03T02:15+10:30 10-02T15:45Z", "2026-10-04T02:45+11:00 10-03T15:45Z",
        "2026-10-05T02:15+11:00 10-04T15:15Z"]),
    ("Australia/Lord_Howe", "FREQ=DAILY", "2026-04-04T01:45", [
        "2026-04-04T01:45+11:00 04-03T14:45Z", "2026-04-05T01:45+11:00 04-04T14:45Z",
        "2026-04-06T01:45+10:30 04-05T15:15Z"]),
    ("Asia/Karachi", "FREQ=DAILY", "2008-05-31T00:30", [
        "2008-05-31T00:30+05:00 05-30T19:30Z", "2008-06-01T01:30+06:00 05-31T19:30Z",
        "2008-06-02T00:30+06:00 06-01T18:30Z"]),
    ("Asia/Karachi", "FREQ=DAILY", "2008-10-30T23:30", [
        "2008-10-30T23:30+06:00 10-30T17:30Z", "2008-10-31T23:30+06:00 10-31T17:30Z",
        "2008-11-01T23:30+05:00 11-01T18:30Z"]),
    ("Asia/Karachi", "FREQ=MONTHLY;INTERVAL=6", "2026-01-01T09:00", [
        "2026-01-01T09:00+05:00 01-01T04:00Z", "2026-07-01T09:00+05:00 07-01T04:00Z"]),
    ("Africa/Casablanca", "FREQ=DAILY", "2026-02-14T02:30", [
        "2026-02-14T02:30+01:00 02-14T01:30Z", "2026-02-15T02:30+01:00 02-15T01:30Z",
        "2026-02-16T02:30+00:00 02-16T02:30Z"]),
    ("Africa/Casablanca", "FREQ=DAILY", "2026-03-21T02:30", [
        "2026-03-21T02:30+00:00 03-21T02:30Z", "2026-03-22T03:30+01:00 03-22T02:30Z",
        "2026-03-23T02:30+01:00 03-23T01:30Z"]),
    ("Africa/Casablanca", "FREQ=DAILY", "2026-09-19T01:30", [
        "2026-09-19T01:30+01:00 09-19T00:30Z", "2026-09-20T01:30+01:00 09-20T00:30Z",
        "2026-09-21T01:30+00:00 09-21T01:30Z"]),
    ("America/Vancouver", "FREQ=DAILY", "2026-11-15T09:00", ["2026-11-15T09:00-07:00 11-15T16:00Z"]),
    ("America/Santiago", "FREQ=DAILY", "2026-09-05T00:00", [
        "2026-09-05T00:00-04:00 09-05T04:00Z", "2026-09-06T01:00-03:00 09-06T04:00Z",
        "2026-09-07T00:00-03:00 09-07T03:00Z"]),
    ("America/Santiago", "FREQ=WEEKLY;BYDAY=SU", "2026-08-30T00:00", [
        "2026-08-30T00:00-04:00 08-30T04:00Z", "2026-09-06T01:00-03:00 09-06T04:00Z",
        "2026-09-13T00:00-03:00 09-13T03:00Z"]),
    ("America/Santiago", "FREQ=DAILY", "2026-04-03T23:30", [
        "2026-04-03T23:30-03:00 04-04T02:30Z", "2026-04-04T23:30-03:00 04-05T02:30Z",
        "2026-04-05T23:30-04:00 04-06T03:30Z"]),
    ("Pacific/Apia", "FREQ=DAILY", "2011-12-29T09:00", [
        "2011-12-29T09:00-10:00 12-29T19:00Z", "2011-12-31T09:00+14:00 12-30T19:00Z",
        "2012-01-01T09:00+14:00 12-31T19:00Z"]),
]  # fmt: skip


@pytest.mark.parametrize(("tz", "rule", "start", "expected"), ZONE_VECTORS)
def test_zone_vector(tz, rule, start, expected):
    assert expand(rule, start, tz, limit=len(expected)) == expected


@pytest.mark.parametrize(("tz", "rule", "start", "expected"), ZONE_VECTORS)
def test_zone_vector_restarted_from_each_instance(tz, rule, start, expected):
    full = occurrences(rule, wall(start), tz, limit=8)
    for position, instance in enumerate(full[:-1]):
        rest = occurrences(rule, wall(start), tz, limit=7 - position, after=instance)
        assert rest == full[position + 1 :]


@pytest.mark.parametrize("exdate", [
    "20261101T053000Z", "20261101T013000", "2026-11-01T01:30", "2026-11-01T01:30-04:00", "20261101",
    date(2026, 11, 1), datetime(2026, 11, 1, 1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
])  # fmt: skip
def test_an_exdate_removes_the_first_of_a_fold(exdate):
    found = expand("FREQ=DAILY", "2026-10-31T01:30", NY, limit=2, exdates=[exdate])
    assert found == ["2026-10-31T01:30-04:00 10-31T05:30Z", "2026-11-02T01:30-05:00 11-02T06:30Z"]


def test_an_exdate_by_wall_time_or_instant_removes_a_shifted_one():
    for exdate in ("20260308T023000", "20260308T033000", "20260308T073000Z"):
        found = occurrences("FREQ=DAILY", wall("2026-03-07T02:30"), NY, limit=2, exdates=[exdate])
        assert [at.day for at in found] == [7, 9]


def test_hourly_exdates_tell_the_two_passes_of_a_fold_apart():
    found = expand("FREQ=HOURLY", "2026-11-01T00:30", NY, exdates=["2026-11-01T01:30-05:00"])
    assert found[1:] == ["2026-11-01T01:30-04:00 11-01T05:30Z", "2026-11-01T02:30-05:00 11-01T07:30Z"]


RULE_VECTORS = [
    ("FREQ=MONTHLY", "2026-01-31", ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]),
    ("FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1", "2026-01-31",
     ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
    ("FREQ=YEARLY", "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-02-27",
     ["2026-02-27", "2026-03-31", "2026-04-30"]),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", "2026-10-22",
     ["2026-10-26", "2026-11-02", "2026-11-09"]),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05",
     ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05",
     ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]),
    ("FREQ=YEARLY;BYWEEKNO=53", "2026-12-31", ["2026-12-31", "2032-12-30", "2037-12-31"]),
    ("FREQ=MONTHLY;BYDAY=MO,2TU;COUNT=4", "2025-01-06",
     ["2025-01-06", "2025-01-13", "2025-01-14", "2025-01-20"]),
    ("FREQ=WEEKLY;COUNT=3;BYDAY=WE", "2024-05-30", ["2024-06-05", "2024-06-12", "2024-06-19"]),
    # defaults from the anchor
    ("FREQ=WEEKLY", "2026-06-03", ["2026-06-03", "2026-06-10"]),
    ("FREQ=YEARLY;BYMONTH=1,6", "2026-01-31", ["2026-01-31", "2027-01-31", "2028-01-31"]),
    ("FREQ=YEARLY;BYMONTHDAY=1,15", "2026-03-10", ["2026-03-15", "2027-03-01", "2027-03-15"]),
    ("FREQ=YEARLY;BYWEEKNO=20", "2026-01-07", ["2026-05-13", "2027-05-19"]),
    ("FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR", "2026-01-01", ["2026-02-13", "2026-03-13", "2026-11-13"]),
    # weeks at the turn of the year
    ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "2024-01-01",
     ["2024-01-01", "2024-12-30", "2025-12-29", "2027-01-04"]),
    ("FREQ=YEARLY;BYWEEKNO=52;BYDAY=SA,SU", "2010-12-27", ["2011-01-01", "2011-01-02", "2011-12-31"]),
    ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU", "2020-12-01", ["2021-01-03", "2022-01-02", "2023-01-01"]),
    ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=TH;WKST=SU", "1997-01-01", ["1997-01-02", "1998-01-08", "1999-01-07"]),
    # INTERVAL counts from the week year of the start, or its calendar year when that has nothing near
    ("FREQ=YEARLY;BYWEEKNO=53;INTERVAL=6;BYDAY=TH", "2027-01-03", ["2093-12-31"]),
    ("FREQ=YEARLY;BYWEEKNO=53;INTERVAL=5;BYDAY=TH", "2027-01-03", ["2032-12-30"]),
    ("FREQ=YEARLY;BYWEEKNO=53;INTERVAL=6;BYDAY=TU,SA", "2010-01-02",
     ["2010-01-02", "2015-12-29", "2016-01-02"]),
    ("FREQ=YEARLY;BYWEEKNO=1;INTERVAL=3;BYDAY=MO,TU", "2024-12-31",
     ["2024-12-31", "2028-01-03", "2028-01-04", "2030-12-30", "2030-12-31"]),
    ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU", "2027-01-01", ["2027-01-03", "2033-01-02"]),
    # BYSETPOS counts members before the start
    ("FREQ=MONTHLY;BYMONTHDAY=1,10,20;BYSETPOS=2", "2026-01-15", ["2026-02-10", "2026-03-10"]),
    ("FREQ=YEARLY;BYDAY=MO;BYSETPOS=1,-1", "2026-06-01", ["2026-12-28", "2027-01-04", "2027-12-27"]),
    # RFC 7529
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD", "2014-01-31",
     ["2014-01-31", "2014-03-01", "2014-03-31", "2014-05-01"]),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD", "2014-01-31",
     ["2014-01-31", "2014-02-28", "2014-03-31", "2014-04-30"]),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT", "2014-01-31", ["2014-01-31", "2014-03-31"]),
    ("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "2016-02-29", ["2016-02-29", "2017-03-01", "2018-03-01"]),
    ("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD", "2016-02-29", ["2016-02-29", "2017-02-28", "2018-02-28"]),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,30;SKIP=FORWARD", "2026-02-01",
     ["2026-02-01", "2026-03-01", "2026-03-30", "2026-04-01"]),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;SKIP=BACKWARD;COUNT=3", "2026-02-01",
     ["2026-02-28", "2026-03-28", "2026-03-29"]),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=BACKWARD", "2026-02-15",
     ["2026-03-01", "2026-03-31", "2026-05-01"]),
    ("RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=BACKWARD", "2024-12-31", ["2024-12-31", "2025-12-31"]),
    ("RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=FORWARD", "2024-12-31",
     ["2024-12-31", "2026-01-01", "2027-01-01", "2028-01-01", "2028-12-31"]),
    # rare but real
    ("FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29", "2000-02-29", ["2000-02-29", "2400-02-29"]),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", "2072-02-29", ["2072-02-29", "2112-02-29"]),
    ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", "2072-02-29", ["2072-02-29", "2112-02-29"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "start", "expected"), RULE_VECTORS)
@pytest.mark.parametrize("kind", ["zoned", "floating", "all-day"])
def test_rule_vector(rule, start, expected, kind):
    first = date.fromisoformat(start)
    if kind != "all-day":
        first = datetime.combine(first, datetime.min.time()).replace(hour=9)
    found = occurrences(rule, first, NY if kind == "zoned" else None, limit=len(expected))
    assert [f"{value:%Y-%m-%d}" for value in found] == expected
    if kind == "zoned":
        assert all(value.hour == 9 and value.tzinfo.key == NY for value in found)
    elif kind == "all-day":
        assert all(type(value) is date for value in found)


def test_the_task_layer_counts_its_own_first_due():
    start = datetime(2024, 5, 30, 9)
    found = occurrences("FREQ=WEEKLY;COUNT=3;BYDAY=WE", start, NY, limit=9, include_dtstart=True)
    assert [f"{at:%m-%d}" for at in found] == ["05-30", "06-05", "06-12"]
    after = occurrences(
        "FREQ=WEEKLY;COUNT=3;BYDAY=WE", start, NY, limit=9, include_dtstart=True, after=found[0]
    )
    assert after == found[1:]


def test_a_matching_first_due_is_not_counted_twice():
    found = occurrences("FREQ=DAILY;COUNT=3", date(2026, 6, 1), limit=9, include_dtstart=True)
    assert found == [date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 3)]
    assert occurrences("FREQ=DAILY", date(2026, 6, 1), limit=1, include_dtstart=True) == [date(2026, 6, 1)]


def test_count_is_consumed_by_an_exdate_but_not_by_an_rdate():
    start = datetime(2026, 6, 1, 8)
    found = occurrences(
        "FREQ=DAILY;COUNT=3", start, limit=9, exdates=["20260602T080000"], rdates=["20260602T120000"]
    )
    assert [f"{at:%d %H}" for at in found] == ["01 08", "02 12", "03 08"]


def test_exdate_beats_rdate_and_rdate_is_merged_once_in_order():
    start = datetime(2026, 6, 1, 8)
    found = occurrences(
        "FREQ=WEEKLY;COUNT=2", start, limit=9,
        rdates=["20260603T080000", "20260608T080000", "20260603T080000", "20260520", "20260604T080000"],
        exdates=["20260604"],
    )  # fmt: skip
    assert [f"{at:%m-%d %H:%M}" for at in found] == [
        "05-20 08:00", "06-01 08:00", "06-03 08:00", "06-08 08:00"]  # fmt: skip


def test_rdates_follow_after_the_rule_has_ended_and_respect_after():
    found = occurrences(
        "FREQ=DAILY;COUNT=2", date(2026, 6, 1), limit=9, after=date(2026, 6, 1),
        rdates=["2026-07-01", date(2026, 5, 1)],
    )  # fmt: skip
    assert found == [date(2026, 6, 2), date(2026, 7, 1)]


@pytest.mark.parametrize(("until", "last"), [
    ("20260603T070000Z", "06-03"),  # exactly 08:00 in London
    ("20260603T065959Z", "06-02"),
    ("20260603T080000", "06-03"),  # local time on a zoned rule
    ("20260603T075959", "06-02"),
    ("20260603", "06-03"),  # the whole local day
    ("20260602", "06-02"),
])  # fmt: skip
def test_until_is_inclusive_on_a_zoned_series(until, last):
    found = occurrences(f"FREQ=DAILY;UNTIL={until}", datetime(2026, 6, 1, 8), "Europe/London", limit=9)
    assert f"{found[-1]:%m-%d}" == last


def test_until_of_a_day_includes_a_late_local_evening():
    found = occurrences("FREQ=HOURLY;UNTIL=20261101", datetime(2026, 11, 1, 22), NY, limit=9)
    assert [f"{at:%d %H}" for at in found] == ["01 22", "01 23"]


def test_until_ends_a_rule_that_never_matches_again():
    assert (
        occurrences(
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20300101T000000", datetime(2026, 1, 1), limit=1
        )
        == []
    )
    assert (
        occurrences(
            "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20300101T000000", datetime(2026, 1, 1), limit=1
        )
        == []
    )


@pytest.mark.parametrize(("until", "start", "tz"), [
    ("20260603T070000Z", datetime(2026, 6, 1, 8), None),
    ("20260603", datetime(2026, 6, 1, 8), None),
    ("20260603T080000", date(2026, 6, 1), None),
    ("20260603T070000Z", date(2026, 6, 1), "Europe/London"),
])  # fmt: skip
def test_until_of_another_kind_counts_by_its_digits_but_is_not_accepted(until, start, tz):
    found = occurrences(f"FREQ=DAILY;UNTIL={until}", start, tz, limit=9)
    assert f"{found[-1]:%m-%d}" == ("06-03" if until != "20260603T070000Z" or tz else "06-02")
    with pytest.raises(InvalidRecurrence) as raised:
        validate(f"FREQ=DAILY;UNTIL={until}", start, tz)
    assert raised.value.part == "UNTIL"


def test_all_day_series_ignore_times_and_zones():
    found = occurrences("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=5;BYSECOND=1", date(2026, 3, 7), NY, limit=2)
    assert found == [date(2026, 3, 7), date(2026, 3, 8)]
    with pytest.raises(InvalidRecurrence, match="FREQ"):
        occurrences("FREQ=HOURLY", date(2026, 3, 7), limit=1)


def test_every_frequency_expands_without_limits():
    start = datetime(2026, 3, 8, 1, 59, 58)
    seconds = occurrences("FREQ=SECONDLY", start, NY, limit=4)
    assert [f"{at:%H:%M:%S}" for at in seconds] == ["01:59:58", "01:59:59", "03:00:00", "03:00:01"]
    assert len(occurrences("FREQ=SECONDLY", start, NY, limit=5000)) == 5000
    rare = occurrences(
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=4;BYSECOND=5", start, NY, limit=2
    )
    assert [at.isoformat() for at in rare] == ["2028-02-29T03:04:05-05:00", "2032-02-29T03:04:05-05:00"]


def test_a_leap_second_is_read_as_59():
    found = occurrences("FREQ=MINUTELY;BYSECOND=59,60", datetime(2026, 1, 1), limit=2)
    assert [at.second for at in found] == [59, 59]


def test_hourly_rules_filter_on_local_time_in_both_passes_of_a_fold():
    found = expand("FREQ=HOURLY;BYHOUR=1;BYMINUTE=15,45", "2026-11-01T00:00", NY, limit=5)
    assert [text[:22] for text in found] == [
        "2026-11-01T01:15-04:00", "2026-11-01T01:45-04:00", "2026-11-01T01:15-05:00",
        "2026-11-01T01:45-05:00",
        "2026-11-02T01:15-05:00"]  # fmt: skip


def test_a_half_hour_zone_keeps_elapsed_steps_and_local_minutes():
    steps = occurrences("FREQ=HOURLY", wall("2026-10-04T00:15"), "Australia/Lord_Howe", limit=4)
    assert [f"{at:%H:%M}" for at in steps] == ["00:15", "01:15", "02:45", "03:45"]
    minutes = occurrences(
        "FREQ=HOURLY;BYMINUTE=0,30", wall("2026-10-04T01:00"), "Australia/Lord_Howe", limit=5
    )
    assert [f"{at:%H:%M}" for at in minutes] == ["01:00", "01:30", "02:30", "03:00", "03:30"]


def test_set_positions_choose_within_an_hour_and_a_minute():
    hourly = occurrences("FREQ=HOURLY;BYMINUTE=10,20,30;BYSETPOS=-1", datetime(2026, 1, 1), limit=2)
    assert [f"{at:%H:%M}" for at in hourly] == ["00:30", "01:30"]
    minutely = occurrences("FREQ=MINUTELY;BYSECOND=10,20,30;BYSETPOS=2", datetime(2026, 1, 1), limit=2)
    assert [f"{at:%M:%S}" for at in minutely] == ["00:20", "01:20"]


def test_the_calendar_ends_quietly():
    assert len(occurrences("FREQ=WEEKLY;BYDAY=SA", datetime(9999, 12, 1), limit=99)) == 4
    assert len(occurrences("FREQ=DAILY", datetime(9999, 12, 30, 20), NY, limit=99)) == 1
    assert len(occurrences("FREQ=HOURLY", datetime(9999, 12, 31, 15), NY, limit=99)) == 4
    assert (
        len(occurrences("FREQ=SECONDLY;BYHOUR=23;BYMINUTE=59;BYSECOND=59", datetime(9999, 12, 31), limit=9))
        == 1
    )
    assert len(occurrences("FREQ=YEARLY;BYWEEKNO=52;BYDAY=MO", date(9998, 1, 1), limit=9)) == 2
    assert occurrences("FREQ=DAILY", date(1, 1, 1), limit=1) == [date(1, 1, 1)]
    with pytest.raises(InvalidRecurrence, match="DTSTART"):
        occurrences("FREQ=DAILY", datetime(1, 1, 1), "Asia/Tokyo", limit=1)


@pytest.mark.parametrize("rule", [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=SECONDLY;INTERVAL=7;BYHOUR=3;BYMONTH=2;BYMONTHDAY=30", "FREQ=SECONDLY;BYSETPOS=2;BYDAY=MO",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "FREQ=MINUTELY;BYSECOND=1,2;BYSETPOS=3",
])  # fmt: skip
def test_a_hostile_rule_runs_into_the_limit(rule):
    with pytest.raises(RecurrenceLimit):
        occurrences(rule, datetime(2024, 1, 1, 9), None, limit=1)


def test_a_huge_count_is_not_replayed_for_ever():
    with pytest.raises(RecurrenceLimit):
        occurrences(
            "FREQ=SECONDLY;COUNT=1000000000", datetime(2024, 1, 1), limit=1, after=datetime(2025, 1, 1)
        )


def test_the_largest_accepted_count_is_replayed():
    start = datetime(2024, 1, 1, 9)
    found = occurrences("FREQ=DAILY;COUNT=9999", start, NY, limit=5, after=datetime(2051, 5, 15, tzinfo=UTC))
    assert [at.replace(tzinfo=None) for at in found] == [start + timedelta(days=d) for d in range(9996, 9999)]


def test_very_many_times_a_day_cost_no_memory():
    every = ",".join(map(str, range(60)))
    rule = f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={','.join(map(str, range(24)))}"
    rule += f";BYMINUTE={every};BYSECOND={every}"
    after = datetime(2026, 7, 1, 23, 59, 58)
    assert occurrences(rule, datetime(2026, 1, 1), limit=2, after=after) == [
        datetime(2026, 7, 1, 23, 59, 59), datetime(2026, 7, 2)]  # fmt: skip
    assert occurrences(rule + ";BYSETPOS=-1", datetime(2026, 1, 1), limit=1) == [
        datetime(2026, 12, 31, 23, 59, 59)
    ]


def test_after_must_be_of_the_kind_of_the_series():
    for after in (datetime(2026, 1, 1), date(2026, 1, 1)):
        with pytest.raises(TypeError):
            occurrences("FREQ=DAILY", datetime(2026, 1, 1), NY, limit=1, after=after)
    with pytest.raises(TypeError):
        occurrences("FREQ=DAILY", date(2026, 1, 1), limit=1, after=datetime(2026, 1, 1))


def test_anchors_and_exceptions_are_checked():
    with pytest.raises(UnknownZone):
        occurrences("FREQ=DAILY", datetime(2026, 1, 1), "Nowhere/Zone", limit=1)
    with pytest.raises(InvalidRecurrence, match="DTSTART"):
        occurrences("FREQ=DAILY", datetime(2026, 1, 1, tzinfo=UTC), limit=1)
    for options in ({"exdates": ["soon"]}, {"exdates": ["2026-W01-1"]}, {"exdates": ["20260101T000000Z"]}):
        with pytest.raises(InvalidRecurrence, match="EXDATE"):
            occurrences("FREQ=DAILY", datetime(2026, 1, 1), limit=1, **options)
    with pytest.raises(InvalidRecurrence, match="RDATE"):
        occurrences("FREQ=DAILY", date(2026, 1, 1), limit=1, rdates=["20260101T000000"])
    assert occurrences("FREQ=DAILY", date(2026, 1, 1), limit=0) == []


@pytest.mark.parametrize(("every", "anchor", "rule"), [
    ("day", date(2026, 1, 31), "FREQ=DAILY"),
    ("weekday", date(2026, 1, 31), "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    ("week", date(2026, 1, 31), "FREQ=WEEKLY"),
    ("month", date(2026, 1, 28), "FREQ=MONTHLY"),
    ("month", date(2026, 1, 29), "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1"),
    ("month", datetime(2026, 1, 30, 9), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
    ("month", date(2026, 1, 31), "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
    ("year", date(2026, 2, 28), "FREQ=YEARLY"),
    ("year", date(2024, 2, 29), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
])  # fmt: skip
def test_shortcuts(every, anchor, rule):
    assert from_shortcut(every, anchor) == rule


def test_an_unknown_shortcut_names_the_choices():
    with pytest.raises(InvalidRecurrence, match="day, weekday, week, month, year"):
        from_shortcut("fortnight", date(2026, 1, 1))
