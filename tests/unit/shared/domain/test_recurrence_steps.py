"""What follows a completion or a skip: the vectors of specification B, keys, missed ones, COUNT and UNTIL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.next_occurrence import (
    MAX_MISSED,
    Recurrence,
    check_mode,
    key_of,
    next_occurrence,
    parse_key,
    upcoming,
)
from shared.domain.recurrence import InvalidRecurrence
from shared.domain.zones import resolve

LONDON, NY = "Europe/London", "America/New_York"
START = datetime(2026, 6, 1, 8)


def series(text="FREQ=DAILY", anchor=START, tz=LONDON, **changes):
    return Recurrence(kind=changes.pop("kind", "rrule"), text=text, anchor=anchor, tz=tz, **changes)


def step(recurrence, at, *, key=None, due=None, outcome="done", user_zone=LONDON, **options):
    """`at` is local time in the user's zone."""
    key = key or upcoming(recurrence, limit=1)[0].key
    due = due or (parse_key(key) if "+" not in key and key.count("-") < 3 else recurrence.anchor)
    at = resolve(datetime.fromisoformat(at), user_zone)
    return next_occurrence(
        recurrence, key=key, due=due, outcome=outcome, at=at, user_zone=user_zone, **options
    )


@pytest.mark.parametrize(("text", "at", "mode", "expected"), [
    ("FREQ=DAILY", "2026-06-04T07:45", "catch_up", "2026-06-04T08:00"),
    ("FREQ=DAILY", "2026-06-04T07:45", "fixed", "2026-06-02T08:00"),
    ("FREQ=DAILY", "2026-06-04T07:45", "from_completion", "2026-06-05T08:00"),
    ("FREQ=DAILY", "2026-06-04T09:00", "catch_up", "2026-06-05T08:00"),
    ("FREQ=DAILY", "2026-05-31T20:00", "catch_up", "2026-06-02T08:00"),
    ("FREQ=DAILY", "2026-05-31T20:00", "fixed", "2026-06-02T08:00"),
    ("FREQ=DAILY", "2026-05-31T20:00", "from_completion", "2026-06-02T08:00"),
    ("FREQ=WEEKLY;INTERVAL=2", "2026-06-17T12:00", "catch_up", "2026-06-29T08:00"),
    ("FREQ=WEEKLY;INTERVAL=2", "2026-06-17T12:00", "from_completion", "2026-07-01T08:00"),
    ("FREQ=WEEKLY;INTERVAL=2", "2026-06-17T12:00", "fixed", "2026-06-15T08:00"),
])  # fmt: skip
def test_late_and_early_vector(text, at, mode, expected):
    found = step(series(text, mode=mode), at)
    assert found.key == expected
    assert found.wall == datetime.fromisoformat(expected)
    assert found.at == resolve(found.wall, LONDON)


def test_catch_up_lists_what_was_missed_and_counts_it():
    found = step(series(), "2026-06-04T07:45")
    assert found.missed == ("2026-06-02T08:00", "2026-06-03T08:00")
    assert found.emitted_count == found.recurrence.emitted_count == 4
    assert step(series(mode="fixed"), "2026-06-04T07:45").missed == ()


def test_missed_occurrences_consume_count():
    rule = series("FREQ=DAILY;COUNT=4")
    assert step(rule, "2026-06-04T07:45").key == "2026-06-04T08:00"
    assert step(rule, "2026-06-04T09:00") is None
    assert step(series("FREQ=DAILY;COUNT=4", emitted_count=4), "2026-06-01T09:00") is None


def test_an_exdated_instance_consumes_count_and_is_not_missed():
    rule = series("FREQ=DAILY;COUNT=3", exdates=("2026-06-02T08:00",))
    found = step(rule, "2026-06-01T09:00")
    assert (found.key, found.missed, found.emitted_count) == ("2026-06-03T08:00", (), 3)
    assert step(found.recurrence, "2026-06-03T09:00", key=found.key) is None


def test_an_rdate_is_an_occurrence_that_count_ignores():
    rule = series("FREQ=WEEKLY;COUNT=2", rdates=("2026-06-03T08:00",))
    first = step(rule, "2026-06-01T09:00")
    assert (first.key, first.emitted_count) == ("2026-06-03T08:00", 1)
    second = step(first.recurrence, "2026-06-03T09:00", key=first.key)
    assert (second.key, second.emitted_count) == ("2026-06-08T08:00", 2)
    assert step(second.recurrence, "2026-06-08T09:00", key=second.key) is None


def test_until_ends_every_mode():
    for mode in ("catch_up", "fixed", "from_completion"):
        rule = series("FREQ=WEEKLY;UNTIL=20260605T000000Z", mode=mode)
        assert step(rule, "2026-06-01T09:00") is None


def test_a_skip_is_an_exdate_and_moves_one_step_in_every_mode():
    for mode in ("catch_up", "fixed", "from_completion"):
        found = step(series(mode=mode), "2026-06-04T09:00", outcome="skipped")
        assert found.key == "2026-06-02T08:00"
        assert found.missed == ()
        assert found.recurrence.exdates == ("2026-06-01T08:00",)
        assert found.recurrence.anchor == START


def test_skipping_what_was_missed_goes_up_to_now():
    found = step(series(mode="fixed"), "2026-06-04T09:00", outcome="skipped", skip_missed=True)
    assert found.key == "2026-06-05T08:00"
    assert found.missed == ("2026-06-02T08:00", "2026-06-03T08:00", "2026-06-04T08:00")


def test_skips_cannot_grow_without_bound():
    exdates = tuple(key_of(START - timedelta(days=n)) for n in range(1000, 0, -1))
    found = step(series(exdates=exdates), "2026-06-01T09:00", outcome="skipped")
    assert len(found.recurrence.exdates) == 1000
    assert found.recurrence.exdates[-1] == "2026-06-01T08:00"


def test_a_moved_due_pushes_the_next_beyond_it():
    late = step(
        series(mode="fixed"), "2026-06-03T09:00", key="2026-06-01T08:00", due=datetime(2026, 6, 3, 12)
    )
    assert (late.key, late.missed) == ("2026-06-04T08:00", ("2026-06-02T08:00", "2026-06-03T08:00"))
    early = step(
        series(mode="fixed"), "2026-05-30T09:00", key="2026-06-01T08:00", due=datetime(2026, 5, 30, 8)
    )
    assert early.key == "2026-06-02T08:00"


def test_all_day_series_compare_dates_in_their_zone_or_the_users():
    rule = series(anchor=date(2026, 6, 1), tz=None)
    assert step(rule, "2026-06-04T00:30").key == "2026-06-05"
    assert step(rule, "2026-05-31T20:00").key == "2026-06-02"
    # 2026-06-04 00:30 in London is still June 3 in New York
    assert step(replace(rule, tz=NY), "2026-06-04T00:30").key == "2026-06-04"
    found = step(rule, "2026-06-04T00:30", user_zone=NY)
    assert (found.key, found.wall, found.at) == ("2026-06-05", date(2026, 6, 5), None)


def test_a_floating_series_follows_the_user():
    at = datetime(2026, 6, 4, 7, 30, tzinfo=UTC)  # 08:30 in London, 03:30 in New York
    for zone_name, expected in ((LONDON, "2026-06-05T08:00"), (NY, "2026-06-04T08:00")):
        found = next_occurrence(
            series(tz=None), key="2026-06-01T08:00", due=START, outcome="done", at=at, user_zone=zone_name
        )
        assert (found.key, found.at) == (expected, None)


def test_from_completion_counts_completions_and_moves_the_anchor():
    rule = series("FREQ=DAILY;INTERVAL=3;COUNT=3", mode="from_completion")
    first = step(rule, "2026-06-02T10:00")
    assert (first.key, first.recurrence.anchor) == ("2026-06-05T08:00", datetime(2026, 6, 2, 8))
    second = step(first.recurrence, "2026-06-10T10:00", key=first.key)
    assert second.key == "2026-06-13T08:00"
    assert step(second.recurrence, "2026-06-13T10:00", key=second.key) is None


def test_from_completion_never_hands_out_a_past_time_of_the_same_day():
    rule = series("FREQ=DAILY;BYHOUR=8,20", mode="from_completion")
    assert step(rule, "2026-06-01T12:00").key == "2026-06-01T20:00"
    assert step(rule, "2026-06-01T21:00").key == "2026-06-02T08:00"


@pytest.mark.parametrize(("text", "at", "expected"), [
    ("FREQ=MONTHLY", "2026-08-31T10:00", "2026-09-30T08:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1", "2026-07-02T10:00", "2026-08-02T08:00"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1", "2028-02-29T10:00", "2029-02-28T08:00"),
    ("FREQ=MONTHLY;BYDAY=1MO", "2026-07-02T10:00", "2026-07-06T08:00"),
])  # fmt: skip
def test_from_completion_clamps_to_the_end_of_short_months(text, at, expected):
    found = step(series(text, mode="from_completion"), at, key="2026-06-01T08:00")
    assert found.key == expected
    assert found.recurrence.text == text


def test_from_completion_of_a_sub_daily_rule_starts_at_the_minute_of_completion():
    rule = series("FREQ=HOURLY;INTERVAL=4", mode="from_completion")
    assert step(rule, "2026-06-01T09:10:30").key == "2026-06-01T13:10+01:00"


@pytest.mark.parametrize(("kind", "text", "part"), [
    ("rrule", "FREQ=MONTHLY;BYMONTHDAY=15", "BYMONTHDAY"),
    ("rrule", "FREQ=YEARLY;BYMONTH=3", "BYMONTH"),
    ("rrule", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", "BYSETPOS"),
    ("cron", "0 9 * * *", "mode"),
])  # fmt: skip
def test_from_completion_refuses_rules_with_days_of_their_own(kind, text, part):
    rule = series(text, kind=kind, mode="from_completion")
    with pytest.raises(InvalidRecurrence) as raised:
        check_mode(rule)
    assert raised.value.part == part
    check_mode(replace(rule, mode="catch_up"))


def test_the_key_of_a_shifted_occurrence_is_its_original_wall_time():
    rule = series(anchor=datetime(2026, 3, 7, 2, 30), tz=NY)
    found = step(rule, "2026-03-07T09:00", user_zone=NY)
    assert (found.key, found.wall) == ("2026-03-08T02:30", datetime(2026, 3, 8, 2, 30))
    assert found.at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert step(rule, "2026-03-08T09:00", key=found.key, user_zone=NY).key == "2026-03-09T02:30"


def test_of_two_collapsed_wall_times_the_first_survives_and_counts_once():
    rule = series("FREQ=DAILY;BYHOUR=1,2;COUNT=4", anchor=datetime(2026, 3, 28, 2), tz=LONDON)
    keys = [each.key for each in upcoming(rule, limit=9)]
    assert keys == ["2026-03-28T02:00", "2026-03-29T01:00", "2026-03-30T01:00", "2026-03-30T02:00"]


def test_keys_of_sub_daily_rules_carry_the_offset():
    rule = series("FREQ=HOURLY", anchor=datetime(2026, 11, 1, 0, 30), tz=NY)
    keys = [each.key for each in upcoming(rule, limit=4)]
    assert keys == [
        "2026-11-01T00:30-04:00", "2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00",
        "2026-11-01T02:30-05:00"]  # fmt: skip
    at = datetime(2026, 11, 1, 5, 40, tzinfo=UTC)
    second = next_occurrence(
        rule, key=keys[1], due=datetime(2026, 11, 1, 1, 30), outcome="done", at=at, user_zone=NY
    )
    assert (second.key, second.wall.fold) == (keys[2], 1)
    assert second.at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    third = next_occurrence(
        second.recurrence, key=second.key, due=second.wall, outcome="done", at=second.at, user_zone=NY
    )
    assert third.key == keys[3]


def test_cron_series_step_with_offset_keys():
    rule = series("0 9 * * 1-5", kind="cron", anchor=datetime(2026, 6, 5, 9))
    found = step(rule, "2026-06-09T08:00")
    assert (found.key, found.missed) == ("2026-06-09T09:00+01:00", ("2026-06-08T09:00+01:00",))
    assert (
        step(found.recurrence, "2026-06-09T09:30", key=found.key, due=found.wall).key
        == "2026-06-10T09:00+01:00"
    )
    with pytest.raises(InvalidRecurrence):
        upcoming(series("0 9 * * 1-5", kind="cron", anchor=date(2026, 6, 5)), limit=1)


def test_years_of_missed_quarter_hours_are_listed_only_in_part():
    rule = series("FREQ=MINUTELY;INTERVAL=15", anchor=datetime(2020, 1, 1), tz=NY)
    found = step(rule, "2026-06-01T08:07", user_zone=NY)
    assert found.key == "2026-06-01T08:15-04:00"
    assert len(found.missed) == MAX_MISSED
    assert found.missed[-1] == "2026-06-01T08:00-04:00"
    assert found.missed == tuple(sorted(found.missed))


def test_count_is_exact_over_very_many_missed():
    rule = series("FREQ=MINUTELY;INTERVAL=15;COUNT=9999", anchor=datetime(2026, 1, 1), tz=NY)
    found = step(rule, "2026-04-01T08:07", user_zone=NY)
    elapsed = found.at - resolve(rule.anchor, NY)
    assert found.emitted_count == elapsed // timedelta(minutes=15) + 1
    assert len(found.missed) == MAX_MISSED
    assert step(rule, "2026-06-01T08:07", user_zone=NY) is None


def test_steps_agree_with_the_expansion_from_the_anchor():
    rule = series("FREQ=WEEKLY;BYDAY=TU,FR;COUNT=9", mode="fixed")
    expected = [each.key for each in upcoming(rule, limit=99)]
    assert len(expected) == 9
    walked, current = [expected[0]], rule
    while (found := step(current, "2026-06-01T09:00", key=walked[-1])) is not None:
        walked.append(found.key)
        current = found.recurrence
    assert walked == expected


def test_upcoming_after_the_current_occurrence_respects_count_and_exdates():
    rule = series("FREQ=DAILY;COUNT=5", emitted_count=2, exdates=("2026-06-04T08:00",))
    assert [each.key for each in upcoming(rule, limit=9, after="2026-06-02T08:00")] == [
        "2026-06-03T08:00", "2026-06-05T08:00"]  # fmt: skip
    assert [each.at for each in upcoming(rule, limit=1)] == [datetime(2026, 6, 1, 7, tzinfo=UTC)]


@pytest.mark.parametrize(("wall", "at", "key"), [
    (date(2026, 6, 1), None, "2026-06-01"),
    (datetime(2026, 6, 1, 8), None, "2026-06-01T08:00"),
    (datetime(2026, 6, 1, 8, 0, 5), None, "2026-06-01T08:00:05"),
    (datetime(2026, 6, 1, 8), datetime(2026, 6, 1, 8, tzinfo=UTC), "2026-06-01T08:00+00:00"),
])  # fmt: skip
def test_keys_round_trip(wall, at, key):
    assert key_of(wall, at=at) == key
    assert parse_key(key) == (at or wall)


@pytest.mark.parametrize("key", [
    "", "soon", "20260601", "2026-06-01 08:00", "2026-06-01T08:00:00", "2026-06-01T8:00", "2026-13-01",
    "2026-06-01T08:00Z", "2026-06-01T08:00:00.5", None,
])  # fmt: skip
def test_other_keys_are_refused(key):
    with pytest.raises(InvalidRecurrence, match="KEY"):
        parse_key(key)
