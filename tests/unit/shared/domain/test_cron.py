"""Cron schedules: what is accepted, how they meet clock changes, and that they behave like any series."""

from datetime import UTC, date, datetime

import pytest

from shared.domain import cron
from shared.domain.recurrence import InvalidRecurrence

NY = "America/New_York"


def expand(text, start, tz=NY, limit=3, **options):
    found = cron.occurrences(text, datetime.fromisoformat(start), tz, limit=limit, **options)
    return [at.isoformat(timespec="minutes") for at in found]


@pytest.mark.parametrize(("text", "tz", "start", "expected"), [
    ("0 9 * * 1-5", NY, "2026-06-05T09:00",
     ["2026-06-05T09:00-04:00", "2026-06-08T09:00-04:00", "2026-06-09T09:00-04:00"]),
    ("30 2 * * *", NY, "2026-03-07T00:00",  # the first minute after the gap, where an RRULE shifts to 03:30
     ["2026-03-07T02:30-05:00", "2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"]),
    ("30 1 * * *", NY, "2026-11-01T00:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
    ("*/30 1 * * *", NY, "2026-11-01T00:00",
     ["2026-11-01T01:00-04:00", "2026-11-01T01:30-04:00", "2026-11-01T01:00-05:00",
      "2026-11-01T01:30-05:00"]),
    ("0 * * * *", NY, "2026-11-01T00:30",
     ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00", "2026-11-01T02:00-05:00"]),
    ("0 */2 * * *", NY, "2026-03-08T00:00", ["2026-03-08T00:00-05:00", "2026-03-08T04:00-04:00"]),
    ("0,30 2 * * *", NY, "2026-03-08T00:00",  # both fall into the gap: one run
     ["2026-03-08T03:00-04:00", "2026-03-09T02:00-04:00", "2026-03-09T02:30-04:00"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04T00:00", ["2026-10-04T02:30+11:00"]),
    ("0 0 * * *", "America/Santiago", "2026-09-06T00:00", ["2026-09-06T01:00-03:00"]),
    ("0 0 13 * 5", NY, "2026-03-01T00:00",
     ["2026-03-06T00:00-05:00", "2026-03-13T00:00-04:00", "2026-03-20T00:00-04:00"]),
    ("0 0 29 2 MON#5", NY, "2026-03-01T00:00", ["2028-02-29T00:00-05:00"]),
    ("0 12 * * *", "UTC", "2026-03-01T13:00", ["2026-03-02T12:00+00:00"]),
    ("0 12 * * *", None, "2026-03-01T13:00", ["2026-03-02T12:00"]),
])  # fmt: skip
def test_schedule(text, tz, start, expected):
    assert expand(text, start, tz, limit=len(expected)) == expected


def test_restarting_after_any_instance_gives_the_same_rest():
    start = datetime(2026, 10, 31, 12)
    for text in ("45 1 * * *", "*/30 1 * * *", "0 */1 * * *"):
        full = cron.occurrences(text, start, NY, limit=30)
        assert [a.astimezone(UTC) for a in full] == sorted({a.astimezone(UTC) for a in full})
        for position, instance in enumerate(full[:-1]):
            rest = cron.occurrences(text, start, NY, limit=29 - position, after=instance)
            assert rest == full[position + 1 :]


def test_it_is_a_recurrence_set_like_any_other():
    found = expand(
        "0 9 * * *", "2026-06-01T08:30", include_dtstart=True, limit=4,
        exdates=["2026-06-01T09:00-04:00"], rdates=["20260601T120000"],
    )  # fmt: skip
    assert [text[5:16] for text in found] == ["06-01T08:30", "06-01T12:00", "06-02T09:00", "06-03T09:00"]
    assert cron.occurrences("0 9 * * *", datetime(2026, 6, 1), NY, limit=0) == []


@pytest.mark.parametrize(("text", "canonical"), [
    ("@daily", "0 0 * * *"), ("@HOURLY", "0 * * * *"), ("@weekly", "0 0 * * 0"), ("@yearly", "0 0 1 1 *"),
    ("  0  9 * * mon-fri ", "0 9 * * MON-FRI"), ("0,15,30,45 * * * *", "0,15,30,45 * * * *"),
    ("0,50 9 * * *", "0,50 9 * * *"), ("*/15 * * * *", "*/15 * * * *"),
])  # fmt: skip
def test_accepted(text, canonical):
    assert cron.validate(text, datetime(2026, 6, 1), NY) == canonical


@pytest.mark.parametrize("text", [
    "", "* * * * *", "*/10 * * * *", "0,50 * * * *", "0 9 * *", "0 0 9 * * *", "@reboot", "0 0 30 2 *",
    "0 0 31 4 *",
    "60 * * * *", "0 24 * * *", "0 0 * * 8", "a b c d e", "0 9 * * * " * 12, "٠ 9 * * *", "0 9 ? * *", None,
    "1,2 3,4 * * *",
])  # fmt: skip
def test_refused(text):
    with pytest.raises(InvalidRecurrence) as raised:
        cron.validate(text)
    assert raised.value.part == "CRON"


def test_refused_anchors():
    with pytest.raises(InvalidRecurrence, match="time of day"):
        cron.validate("@daily", date(2026, 6, 1))
    with pytest.raises(InvalidRecurrence, match="DTSTART"):
        cron.validate("@daily", datetime(1960, 6, 1))
    with pytest.raises(InvalidRecurrence, match="EXDATE"):
        cron.validate("@daily", exdates=["20260601"] * 1001)
    with pytest.raises(TypeError):
        cron.occurrences("@daily", datetime(2026, 6, 1), NY, limit=1, after=datetime(2026, 6, 1))


def test_description():
    assert cron.describe("0 9 * * 1-5") == "at 09:00 on Monday through Friday"
