"""Zones come from the pinned tzdata; resolution follows RFC 5545 §3.3.5; days start where they start."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise
from struct import unpack

import pytest

from shared.domain.zone_walk import STEADY, ZoneWalk, local_time
from shared.domain.zones import UnknownZone, resolve, start_of_day, tzdata_version, zone


def test_system_files_are_never_read():
    assert zoneinfo.TZPATH == ()
    assert tzdata_version() >= "2026f"


@pytest.mark.parametrize("name", [
    "Nowhere/Zone", "Eastern Standard Time", "", "../etc/passwd", "/etc/localtime", "America", "+02:00",
    "GMT+2\0",
    "localtime", "europe/london", None, 5,
])  # fmt: skip
def test_other_names_are_refused(name):
    with pytest.raises(UnknownZone, match="IANA"):
        zone(name)


@pytest.mark.parametrize(("wall", "tz", "utc"), [
    ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:30"),
    ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
    ("2026-10-01T09:00", "Africa/Casablanca", "2026-10-01T09:00"),
    ("2026-11-15T09:00", "America/Vancouver", "2026-11-15T16:00"),
    ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T19:00"),
    ("2026-06-01T08:00", "UTC", "2026-06-01T08:00"),
])  # fmt: skip
def test_resolution(wall, tz, utc):
    expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert resolve(datetime.fromisoformat(wall), tz) == expected
    assert resolve(datetime.fromisoformat(wall).replace(fold=1), zone(tz)) == expected


@pytest.mark.parametrize(("day", "tz", "local"), [
    ("2026-09-06", "America/Santiago", "2026-09-06T01:00:00-03:00"),
    ("2008-06-01", "Asia/Karachi", "2008-06-01T01:00:00+06:00"),
    ("2026-04-24", "Africa/Cairo", "2026-04-24T01:00:00+03:00"),
    ("2026-06-01", "Europe/London", "2026-06-01T00:00:00+01:00"),
    ("2011-12-30", "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
    ("1919-03-31", "America/Toronto", "1919-03-31T00:30:00-04:00"),  # the gap was 23:30 to 00:30
    ("2006-10-29", "America/St_Johns", "2006-10-29T00:00:00-02:30"),  # midnight came twice: the first
])  # fmt: skip
def test_the_start_of_a_day(day, tz, local):
    found = start_of_day(date.fromisoformat(day), tz)
    assert found.tzinfo is UTC
    assert found.astimezone(zone(tz)).isoformat() == local
    before = (found - timedelta(seconds=1)).astimezone(zone(tz))
    assert before.date() < date.fromisoformat(day)


def transitions(name):
    """(UTC seconds, offset before, offset after) from the 64-bit block of a TZif file (RFC 8536)."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    isut, isstd, leap, times, types, chars = unpack(">6l", data[20:44])
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    _, _, _, times, types, _ = unpack(">6l", data[at + 20 : at + 44])
    at += 44
    moments = unpack(f">{times}q", data[at : at + times * 8])
    indexes = data[at + times * 8 : at + times * 9]
    at += times * 9
    offsets = [unpack(">l", data[at + 6 * n : at + 6 * n + 4])[0] for n in range(types)]
    before = offsets[0]
    for moment, index in zip(moments, indexes, strict=True):
        if offsets[index] != before:
            yield moment, before, offsets[index]
        before = offsets[index]


def test_no_two_changes_cancel_each_other_within_a_steady_span():
    closest = timedelta(days=9999)
    for name in zoneinfo.available_timezones():
        changes = list(transitions(name))
        for (first, before, _), (second, _, after) in pairwise(changes):
            if before == after:
                closest = min(closest, timedelta(seconds=second - first))
    assert closest > STEADY + timedelta(days=1)


@pytest.mark.parametrize(
    "tz", ["America/New_York", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia"]
)
def test_a_walk_gives_the_same_as_single_conversions(tz):
    where = zone(tz)
    resolving, localising = ZoneWalk(where), ZoneWalk(where)
    now = datetime(2011, 1, 1)
    while now.year < 2013:
        instant, missing = resolving.resolve(now)
        assert instant.replace(tzinfo=UTC) == resolve(now, where)
        assert missing == (local_time(instant, where) != now)
        local = localising.local(now)
        assert (local, local.fold) == ((expected := local_time(now, where)), expected.fold)
        now += timedelta(hours=5, minutes=10)
