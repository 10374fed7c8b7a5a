"""Quiet hours: over midnight, where the clock jumps, where it goes back."""

from datetime import UTC, datetime, time, timedelta

import pytest

from shared.domain.quiet_hours import QuietHours
from shared.domain.zones import zone


def quiet(text):
    start, end = text.split("-")
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("hours", "where", "at", "until"), [
    # over midnight; the start belongs to the night, the end does not
    ("22:00-07:00", "UTC", "2026-06-01T21:59:59", None),
    ("22:00-07:00", "UTC", "2026-06-01T22:00", "2026-06-02T07:00"),
    ("22:00-07:00", "UTC", "2026-06-02T00:00", "2026-06-02T07:00"),
    ("22:00-07:00", "UTC", "2026-06-02T06:59:59", "2026-06-02T07:00"),
    ("22:00-07:00", "UTC", "2026-06-02T07:00", None),
    # within a day
    ("12:00-14:00", "UTC", "2026-06-01T11:59", None),
    ("12:00-14:00", "UTC", "2026-06-01T13:00", "2026-06-01T14:00"),
    ("12:00-14:00", "UTC", "2026-06-01T14:00", None),
    ("00:00-07:00", "UTC", "2026-06-01T00:00", "2026-06-01T07:00"),
    ("22:00-00:00", "UTC", "2026-06-01T23:30", "2026-06-02T00:00"),
    # the user's clock decides
    ("22:00-07:00", "Asia/Kolkata", "2026-06-01T16:29", None),
    ("22:00-07:00", "Asia/Kolkata", "2026-06-01T16:30", "2026-06-02T01:30"),
    ("22:00-07:00", "Pacific/Kiritimati", "2026-06-01T08:00", "2026-06-01T17:00"),
    # a night that loses an hour and one that gains one still end at 07:00
    ("22:00-07:00", "America/New_York", "2026-03-08T03:00", "2026-03-08T11:00"),
    ("22:00-07:00", "America/New_York", "2026-11-01T02:00", "2026-11-01T12:00"),
    # an end in the gap (02:30 does not exist) is the moment of the jump: 03:00 EDT
    ("22:00-02:30", "America/New_York", "2026-03-08T06:59", "2026-03-08T07:00"),
    ("22:00-02:30", "America/New_York", "2026-03-08T07:00", None),
    # so is a start
    ("02:30-06:00", "America/New_York", "2026-03-08T06:59:59", None),
    ("02:30-06:00", "America/New_York", "2026-03-08T07:00", "2026-03-08T10:00"),
    # quiet hours inside of the gap do not happen
    ("02:10-02:50", "America/New_York", "2026-03-08T07:00", None),
    # an end that comes twice is the second (01:30 EST): the night is one piece
    ("22:00-01:30", "America/New_York", "2026-11-01T05:29", "2026-11-01T06:30"),
    ("22:00-01:30", "America/New_York", "2026-11-01T05:45", "2026-11-01T06:30"),
    ("22:00-01:30", "America/New_York", "2026-11-01T06:29", "2026-11-01T06:30"),
    ("22:00-01:30", "America/New_York", "2026-11-01T06:30", None),
    # a start that comes twice is the first (01:30 EDT)
    ("01:30-05:00", "America/New_York", "2026-11-01T05:29", None),
    ("01:30-05:00", "America/New_York", "2026-11-01T05:30", "2026-11-01T10:00"),
    ("01:30-05:00", "America/New_York", "2026-11-01T06:10", "2026-11-01T10:00"),
    # midnight in a gap (Santiago: 00:00 → 01:00)
    ("00:00-07:00", "America/Santiago", "2026-09-06T03:59", None),
    ("00:00-07:00", "America/Santiago", "2026-09-06T04:00", "2026-09-06T10:00"),
    # midnight that comes twice (Santiago: 2026-04-05 00:00 → 23:00)
    ("22:00-00:00", "America/Santiago", "2026-04-05T03:30", "2026-04-05T04:00"),
    # half an hour (Lord Howe)
    ("22:00-07:00", "Australia/Lord_Howe", "2026-10-03T12:00", "2026-10-03T20:00"),
    # a day that does not exist (Apia, 2011-12-30)
    ("22:00-07:00", "Pacific/Apia", "2011-12-30T09:00", "2011-12-30T17:00"),
])  # fmt: skip
def test_the_end_of_the_night(hours, where, at, until):
    expected = utc(until) if until else None
    assert quiet(hours).until(utc(at), where) == expected


@pytest.mark.parametrize("hours", ["22:00-07:00", "01:30-05:00", "22:00-02:30", "12:00-14:00", "00:00-01:30"])
@pytest.mark.parametrize("day", ["2026-03-07T12:00", "2026-10-31T12:00", "2026-06-01T12:00"])
def test_nothing_is_sent_while_the_clock_shows_a_quiet_time(hours, day):
    found, where = quiet(hours), zone("America/New_York")
    for minute in range(0, 48 * 60, 5):
        at = utc(day) + timedelta(minutes=minute)
        until = found.until(at, "America/New_York")
        shown = at.astimezone(where).time().replace(fold=0)
        inside = (
            found.start <= shown < found.end
            if found.start < found.end
            else not found.end <= shown < found.start
        )
        assert until is not None or not inside, at
        if until is not None:
            assert until > at
            assert found.until(until, "America/New_York") is None
            assert until - at <= timedelta(hours=11)


def test_a_night_without_length_is_refused():
    with pytest.raises(ValueError, match="another time"):
        quiet("22:00-22:00")


def test_nights_that_touch_where_the_clock_goes_back_are_waited_for_together():
    # On 2026-11-01 the night ends at the second 01:30, when the next one has begun (at the first 01:40).
    until = quiet("01:40-01:30").until(utc("2026-11-01T05:00"), "America/New_York")
    assert until == utc("2026-11-02T06:30")
