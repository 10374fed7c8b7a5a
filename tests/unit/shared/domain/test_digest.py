"""When a digest is due, and that a day has one."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain import digest


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("after", "hour", "where", "due"), [
    ("2026-06-01T05:00", 8, "UTC", "2026-06-01T08:00"),
    ("2026-06-01T08:00", 8, "UTC", "2026-06-02T08:00"),
    ("2026-06-01T07:59:59", 8, "UTC", "2026-06-01T08:00"),
    ("2026-06-01T12:00", 0, "Pacific/Kiritimati", "2026-06-02T10:00"),
    ("2026-03-07T14:00", 8, "America/New_York", "2026-03-08T12:00"),
    ("2026-03-07T12:00", 2, "America/New_York", "2026-03-08T07:00"),  # 02:00 does not exist: 03:00 EDT
    ("2026-10-31T12:00", 1, "America/New_York", "2026-11-01T05:00"),  # 01:00 comes twice: the first
    ("2026-11-01T05:00", 1, "America/New_York", "2026-11-02T06:00"),
    ("2026-09-05T12:00", 0, "America/Santiago", "2026-09-06T04:00"),  # midnight does not exist: 01:00
    ("2011-12-29T20:00", 8, "Pacific/Apia", "2011-12-30T18:00"),  # the 30th does not exist: the 31st
])  # fmt: skip
def test_the_next_one(after, hour, where, due):
    assert digest.following(utc(after), hour, where) == utc(due)


@pytest.mark.parametrize(("at", "hour", "where", "day"), [
    ("2026-06-01T08:00", 8, "UTC", "2026-06-01"),
    ("2026-06-01T07:59", 8, "UTC", "2026-05-31"),
    ("2026-06-02T00:10", 23, "UTC", "2026-06-01"),
    ("2026-06-01T11:00", 8, "America/New_York", "2026-05-31"),
    ("2011-12-30T17:00", 8, "Pacific/Apia", "2011-12-29"),
])  # fmt: skip
def test_the_day_it_is_about(at, hour, where, day):
    assert digest.day_of(utc(at), hour, where) == date.fromisoformat(day)


@pytest.mark.parametrize(
    "where", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata"]
)
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 8, 23])
def test_every_day_of_a_year_has_exactly_one(where, hour):
    at, days = utc("2026-01-01T12:00"), []
    for _ in range(365):
        at = digest.following(at, hour, where)
        days.append(digest.day_of(at, hour, where))
    assert days == [days[0] + timedelta(days=n) for n in range(365)]


def test_its_identity_follows_from_user_and_day_alone():
    one = digest.identity("anna", date(2026, 6, 1))
    assert one == digest.identity("anna", date(2026, 6, 1))
    assert one not in (digest.identity("ben", date(2026, 6, 1)), digest.identity("anna", date(2026, 6, 2)))
    assert one.version == 7
