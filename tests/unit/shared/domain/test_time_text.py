"""The one reader of days, local times and instants: what it takes, and that nothing else gets through."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import cron
from shared.domain.due import parse_due, parse_due_at
from shared.domain.errors import Invalid
from shared.domain.next_occurrence import parse_key
from shared.domain.recurrence import InvalidRecurrence, validate
from shared.domain.recurrence_set import parse_when
from shared.domain.time_text import BadTime, read_instant, read_time
from tests.profiles import ANY, examples

AT = datetime(2026, 6, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-06-01", date(2026, 6, 1)),
        ("2026-06-01T08:00", datetime(2026, 6, 1, 8)),
        ("2026-06-01T08:00:30", datetime(2026, 6, 1, 8, 0, 30)),
        ("2026-06-01T08:00Z", AT),
        ("2026-06-01t08:00:00z", AT),
        ("2026-06-01T08:00:00-00:00", AT),
        ("2026-06-01T08:00:00.123456789Z", AT.replace(microsecond=123456)),
        ("2026-06-01T08:00:00.5Z", AT.replace(microsecond=500000)),
        ("2026-06-01T08:00+02:00", datetime(2026, 6, 1, 8, tzinfo=timezone(timedelta(hours=2)))),
        (
            "2026-06-01T08:00-23:59",
            datetime(2026, 6, 1, 8, tzinfo=timezone(-timedelta(hours=23, minutes=59))),
        ),
    ],
)
def test_what_is_read(text, value):
    found = read_time(text)
    assert (found, getattr(found, "tzinfo", None) is None) == (value, getattr(value, "tzinfo", None) is None)


BAD = [
    "", " ", "infinity", "-infinity", "epoch", "now", "tomorrow", "2026-W23-1", "2026-W23-1T08:00Z",
    "2026-152", "2026-06", "20260601", "20260601T080000Z", "2026-06-01 08:00Z", "2026-06-01T08Z",
    "2026-06-01T0800Z", "2026-06-01T24:00Z", "2026-06-01T08:60Z", "2026-06-01T08:00:60Z",
    "2026-06-01T08:00:00,5Z", "2026-06-01T08:00:00.Z", "2026-06-01T08:00+2:00", "2026-06-01T08:00+0200",
    "2026-06-01T08:00+24:00", "2026-06-01T08:00+02:60", "2026-06-01T08:00+99:00", "2026-06-01T08:00ZZ",
    "2026-06-01T08:00\x00Z", "2026-06-01T08:00Z\x00", "2026-06-01T08:00Z\n", " 2026-06-01T08:00Z",
    "\u0662026-06-01T08:00Z", "2026-06-01T08:0\uff10Z", "2026\u221206\u221201T08:00Z",
    "2026-02-30T08:00Z", "2026-13-01T08:00Z", "0000-01-01T00:00Z", "0001-01-01T00:00+00:01",
    "9999-12-31T23:59-00:01", "10000-01-01T00:00Z", "-0001-01-01T00:00Z",
    "2026-06-01T08:00:00." + "1" * 60 + "Z",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_everything_else_is_refused_with_the_name_of_its_field(text):
    with pytest.raises(BadTime):
        read_instant(text)
    for zone in (None, "Pacific/Kiritimati", "America/Adak"):
        with pytest.raises(Invalid) as due:
            parse_due(text, zone, field="until")
        with pytest.raises(Invalid) as instant:
            parse_due_at(text, zone)
        assert (due.value.errors[0].field, instant.value.errors[0].field) == ("until", "due_at")
    with pytest.raises(InvalidRecurrence):
        parse_key(text)


@pytest.mark.parametrize("year", ["0001", "1969", "2200", "9999"])
@pytest.mark.parametrize("rest", ["-01-01", "-12-31T23:59", "-01-01T00:00Z", "-06-01T00:00+14:00"])
def test_years_that_are_not_kept(year, rest):
    for zone in (None, "Pacific/Kiritimati", "America/Adak"):
        with pytest.raises(Invalid) as caught:
            parse_due(year + rest, zone)
        assert caught.value.errors[0].field == "due"


def test_the_local_time_of_an_instant_is_kept_only_within_the_years_too():
    with pytest.raises(Invalid, match="1970 to 2199"):
        parse_due("1970-01-01T00:00Z", "America/New_York")


@pytest.mark.parametrize("text", ["2026-06-01", "2026-06-01T08:00", "2026-06-01T08:00:30"])
@pytest.mark.parametrize("zone", [None, "Europe/London"])
def test_a_field_that_names_an_instant_needs_an_offset(text, zone):
    with pytest.raises(Invalid) as caught:
        parse_due_at(text, zone)
    assert (caught.value.errors[0].field, caught.value.errors[0].code) == ("due_at", "invalid_due")
    assert "offset" in caught.value.errors[0].message


@pytest.mark.parametrize("zone", ["", " ", "Europe/London ", "\x00", "europe/london", "+02:00"])
def test_a_zone_that_is_no_name(zone):
    with pytest.raises(Invalid) as caught:
        parse_due("2026-06-01T08:00", zone)
    assert caught.value.errors[0].field == "timezone"


@pytest.mark.parametrize(
    "text", ["20260601", "20260601T080000", "20260601T080000Z", "2026-06-01", "2026-06-01T08:00Z"]
)
def test_exceptions_are_read_in_both_forms(text):
    parse_when("EXDATE", text)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00", "2026-W23-1", "20260601T0800", ""],
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Adak"])
def test_an_exception_outside_of_the_calendar_is_invalid(text, zone):
    for field in ("exdates", "rdates"):
        with pytest.raises(InvalidRecurrence) as caught:
            validate("FREQ=DAILY", datetime(2026, 6, 1, 8), zone, **{field: [text]})
        assert caught.value.part == field.upper().removesuffix("S")
        with pytest.raises(InvalidRecurrence):
            cron.validate("@daily", datetime(2026, 6, 1, 8), zone, **{field: [text]})


digits = st.text("0123456789:-+TZtzW. \x00\u0663", max_size=30)


@settings(max_examples=examples(5))
@given(digits | st.text(ANY, max_size=20) | st.datetimes().map(str) | st.datetimes().map(datetime.isoformat))
def test_any_text_is_read_or_refused(text):
    for offset in ("", "Z", "+14:00", "-12:00"):
        for read, error in ((read_time, BadTime), (read_instant, BadTime), (parse_key, InvalidRecurrence)):
            try:
                value = read(text + offset)
            except error:
                continue
            if isinstance(value, datetime) and value.tzinfo:
                value.astimezone(UTC)
