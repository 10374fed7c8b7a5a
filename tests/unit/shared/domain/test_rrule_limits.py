"""The strict layer in front of the engine: limits, rules that never occur, and what is stored."""

from datetime import date, datetime

import pytest

from shared.domain.recurrence import InvalidRecurrence, RecurrenceLimit, validate

START, LONDON = datetime(2026, 6, 1, 8), "Europe/London"


@pytest.mark.parametrize(("rule", "start", "tz", "stored"), [
    ("rrule:freq=weekly;wkst=mo;byday=fr,mo;", START, LONDON, "FREQ=WEEKLY;BYDAY=MO,FR"),
    ("FREQ=DAILY;UNTIL=20260603T080000", START, LONDON, "FREQ=DAILY;UNTIL=20260603T070000Z"),
    ("FREQ=DAILY;UNTIL=20260603", START, LONDON, "FREQ=DAILY;UNTIL=20260603T225959Z"),
    ("FREQ=DAILY;UNTIL=20260603T070000Z", START, LONDON, "FREQ=DAILY;UNTIL=20260603T070000Z"),
    ("FREQ=DAILY;UNTIL=20260603T080000", START, None, "FREQ=DAILY;UNTIL=20260603T080000"),
    ("FREQ=DAILY;UNTIL=20260603", date(2026, 6, 1), LONDON, "FREQ=DAILY;UNTIL=20260603"),
    ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0", date(2026, 6, 1), None, "FREQ=DAILY"),
    ("FREQ=MINUTELY;INTERVAL=15", START, LONDON, "FREQ=MINUTELY;INTERVAL=15"),
    ("FREQ=HOURLY;BYMINUTE=0,15,30,45", START, LONDON, "FREQ=HOURLY;BYMINUTE=0,15,30,45"),
    ("FREQ=DAILY;UNTIL=20260603", None, None, "FREQ=DAILY;UNTIL=20260603"),
    ("FREQ=YEARLY;BYYEARDAY=366;BYMONTH=12", START, None, "FREQ=YEARLY;BYMONTH=12;BYYEARDAY=366"),
    ("FREQ=YEARLY;BYYEARDAY=-366", START, None, "FREQ=YEARLY;BYYEARDAY=-366"),
    ("RSCALE=GREGORIAN;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;SKIP=BACKWARD", START, None,
     "RSCALE=GREGORIAN;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;SKIP=BACKWARD"),
])  # fmt: skip
def test_stored_text(rule, start, tz, stored):
    assert validate(rule, start, tz) == stored
    assert validate(stored, start, tz) == stored


@pytest.mark.parametrize(("rule", "part"), [
    ("FREQ=DAILY;BYMONTH=" + ",".join(["12"] * 200), "RRULE"),
    ("FREQ=DAILY;INTERVAL=1001", "INTERVAL"),
    ("FREQ=DAILY;COUNT=10000", "COUNT"),
    ("FREQ=DAILY;UNTIL=22000101T000000Z", "UNTIL"),
    ("FREQ=DAILY;UNTIL=19690101T000000Z", "UNTIL"),
    ("FREQ=DAILY;UNTIL=20260501T000000Z", "UNTIL"),
    ("FREQ=SECONDLY", "FREQ"),
    ("FREQ=MINUTELY", "INTERVAL"),
    ("FREQ=MINUTELY;INTERVAL=14", "INTERVAL"),
    ("FREQ=MINUTELY;INTERVAL=15;BYSECOND=0,30", "BYSECOND"),
    ("FREQ=HOURLY;BYMINUTE=0,10,20,30,40", "BYMINUTE"),
    ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,1,2,3,4,5,6,7,8,9", "BYMINUTE"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY"),
    ("FREQ=MONTHLY;BYMONTH=4,6,9,11;BYMONTHDAY=31,-31", "BYMONTHDAY"),
    ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY"),
    ("FREQ=YEARLY;BYMONTH=3;BYYEARDAY=1,-1", "BYYEARDAY"),
])  # fmt: skip
def test_refused_by_a_limit(rule, part):
    with pytest.raises(InvalidRecurrence) as raised:
        validate(rule, START, LONDON)
    assert raised.value.part == part


@pytest.mark.parametrize("rule", [
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU", "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
])  # fmt: skip
def test_refused_because_it_never_occurs_from_this_start(rule):
    with pytest.raises(RecurrenceLimit):
        validate(rule, START, LONDON)


def test_refused_because_the_calendar_ends_first():
    with pytest.raises(InvalidRecurrence, match="never occurs"):
        validate("FREQ=YEARLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=29", datetime(2026, 6, 1), None)


def test_anchors_and_exceptions_are_limited():
    for start in (date(1969, 12, 31), datetime(2200, 1, 1)):
        with pytest.raises(InvalidRecurrence, match="DTSTART"):
            validate("FREQ=DAILY", start)
    with pytest.raises(InvalidRecurrence, match="1000"):
        validate("FREQ=DAILY", START, exdates=["20260601"] * 600, rdates=["20260601"] * 401)
    with pytest.raises(InvalidRecurrence, match="RDATE"):
        validate("FREQ=DAILY", START, rdates=["tomorrow"])
    with pytest.raises(InvalidRecurrence, match="RRULE"):
        validate(None, START)
