"""What holds for every rule: order, restart, COUNT, UNTIL, and an answer or an error for any text."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shared.domain import recurrence
from shared.domain.recurrence import InvalidRecurrence, RecurrenceLimit, occurrences
from shared.domain.rrule_periods import BUDGET
from shared.domain.rrule_text import format_rule, parse_rule
from tests.profiles import ANY, examples

ZONES = (
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "UTC",
)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TAKEN = 8


def listed(name, values):
    return st.lists(values, min_size=1, max_size=4, unique=True).map(
        lambda v: f"{name}={','.join(map(str, v))}"
    )


def signed(limit):
    return st.integers(-limit, limit).filter(bool)


PARTS = {
    "BYMONTH": listed("BYMONTH", st.integers(1, 12)),
    "BYWEEKNO": listed("BYWEEKNO", signed(53)),
    "BYYEARDAY": listed("BYYEARDAY", signed(366)),
    "BYMONTHDAY": listed("BYMONTHDAY", signed(31)),
    "BYDAY": listed("BYDAY", st.sampled_from(DAYS)),
    "NTH": listed("BYDAY", st.tuples(signed(5), st.sampled_from(DAYS)).map(lambda p: f"{p[0]}{p[1]}")),
    "BYHOUR": listed("BYHOUR", st.integers(0, 23)),
    "BYMINUTE": listed("BYMINUTE", st.integers(0, 59)),
    "BYSECOND": listed("BYSECOND", st.integers(0, 60)),
}


@st.composite
def rules(draw, frequencies=FREQUENCIES):
    freq = draw(st.sampled_from(frequencies))
    text = [f"FREQ={freq}"]
    if draw(st.booleans()):
        text.append(f"INTERVAL={draw(st.integers(1, 9))}")
    names = draw(st.lists(st.sampled_from(list(PARTS)), max_size=3, unique=True))
    names = [name for name in names if name != "NTH" or "BYDAY" not in names]
    parts = [draw(PARTS[name]) for name in names]
    if parts and draw(st.integers(0, 4)) == 0:
        parts.append(draw(listed("BYSETPOS", signed(4))))
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    if draw(st.integers(0, 5)) == 0:
        parts.append(f"RSCALE=GREGORIAN;SKIP={draw(st.sampled_from(('OMIT', 'BACKWARD', 'FORWARD')))}")
    rule = ";".join(text + parts)
    try:
        parse_rule(rule)
    except InvalidRecurrence:
        assume(False)
    return rule


starts = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda at: at.replace(microsecond=0))
# around changes of the clocks, where things go wrong
edges = st.tuples(
    st.sampled_from([
        datetime(2026, 3, 7, 12), datetime(2026, 10, 31, 12), datetime(2026, 3, 28, 12),
        datetime(2026, 10, 24, 12),
        datetime(2011, 12, 29), datetime(2026, 4, 4, 12), datetime(2026, 10, 3, 12),
        datetime(2026, 2, 14, 12),
    ]),
    st.integers(0, 36 * 60),
).map(lambda pair: pair[0] + timedelta(minutes=pair[1]))  # fmt: skip
zones = st.sampled_from((*ZONES, None))


def expand(rule, start, tz, **options):
    try:
        return occurrences(rule, start, tz, **({"limit": TAKEN} | options))
    except RecurrenceLimit:
        return None


def instant(value):
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


@given(rules(), starts | edges, zones)
def test_instances_increase_strictly_and_restart_anywhere(rule, start, tz):
    full = expand(rule, start, tz)
    assume(full is not None)
    instants = [instant(value) for value in full]
    assert all(a < b for a, b in pairwise(instants))
    for position, value in enumerate(full):
        rest = expand(rule, start, tz, after=value, limit=TAKEN - position - 1)
        assert rest == full[position + 1 :]
        if tz:  # the same instant in another zone is the same place to restart from
            assert expand(rule, start, tz, after=value.astimezone(UTC), limit=len(rest)) == rest


@given(rules(), starts | edges, zones, st.integers(1, TAKEN), st.booleans())
def test_count_is_a_prefix(rule, start, tz, count, include):
    full = expand(rule, start, tz, include_dtstart=include)
    assume(full is not None)
    counted = expand(f"{rule};COUNT={count}", start, tz, include_dtstart=include)
    assert counted == full[:count]
    if count < len(full):
        middle = full[count // 2]
        assert expand(f"{rule};COUNT={count}", start, tz, include_dtstart=include, after=middle) == [
            value for value in full[:count] if instant(value) > instant(middle)
        ]


@given(rules(), starts | edges, zones, st.integers(0, TAKEN - 1), st.integers(-1, 1))
def test_until_is_an_inclusive_bound(rule, start, tz, position, shift):
    full = expand(rule, start, tz)
    assume(full is not None and position < len(full))
    bound = instant(full[position]) + timedelta(seconds=shift)
    until = f"{bound:%Y%m%dT%H%M%S}{'Z' if tz else ''}"
    assume(len(until.split("T", maxsplit=1)[0]) == 8)
    bounded = expand(f"{rule};UNTIL={until}", start, tz)
    assert bounded == [value for value in full if instant(value) <= bound]


@given(rules(FREQUENCIES[:4]), starts.map(datetime.date), st.sampled_from(ZONES))
def test_all_day_series_are_the_same_in_every_zone(rule, start, tz):
    assert expand(rule, start, tz) == expand(rule, start, None)


@given(rules(FREQUENCIES[:4]), starts)
def test_a_zone_without_changes_adds_nothing(rule, start):
    floating, zoned = expand(rule, start, None), expand(rule, start, "UTC")
    assert zoned == (None if floating is None else [value.replace(tzinfo=UTC) for value in floating])


@given(rules(), starts)
def test_the_canonical_text_means_the_same(rule, start):
    canonical = format_rule(parse_rule(rule))
    assert format_rule(parse_rule(canonical)) == canonical
    assert expand(canonical, start, None) == expand(rule, start, None)


@given(rules(), starts, zones, st.integers(0, TAKEN - 1))
def test_an_exdate_removes_exactly_its_instance(rule, start, tz, position):
    full = expand(rule, start, tz)
    assume(full is not None and position < len(full))
    left = expand(rule, start, tz, exdates=[full[position]], limit=len(full) - 1)
    assert left == full[:position] + full[position + 1 :]


words = st.sampled_from([
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
    "BYHOUR", "BYMINUTE",
    "BYSECOND", "BYSETPOS", "WKST", "RSCALE", "SKIP", "=", "=", "=", ";", ";", ",", "-", "+", "0", "1", "31",
    "366", "99",
    "MO", "SU", "2TU", "-1FR", "GREGORIAN", "BACKWARD", "20260601", "T080000Z", "RRULE:", "\u0662", " ",
    *FREQUENCIES,
])  # fmt: skip


@settings(max_examples=examples(3))
@given(
    st.lists(words, max_size=25).map("".join) | st.text(ANY, max_size=80),
    st.sampled_from([*ZONES, None]),
)
@example("FREQ=SECONDLY;INTERVAL=7;BYHOUR=3;BYMONTH=2;BYMONTHDAY=30", "America/New_York")
@example("FREQ=YEARLY;BYDAY=MO;BYSETPOS=366;BYHOUR=1", None)
def test_any_text_gets_an_answer_or_a_named_part(text, tz):
    for start in (datetime(2026, 1, 31, 9), date(2026, 1, 31)):
        try:
            found = occurrences(text, start, tz, limit=3)
        except InvalidRecurrence as error:
            assert str(error) == f"{error.part}: {error.reason}"  # noqa: PT017 - or an answer
        else:
            assert len(found) <= 3


@settings(max_examples=examples(2))
@given(rules(), starts, zones)
def test_work_without_an_answer_is_bounded(rule, start, tz):
    """The budget is counted, not timed: an answer costs at most BUDGET units, or there is none."""
    spent = []

    class Meter(recurrence.Fuel):
        def burn(self, units):
            spent.append(units)
            super().burn(units)

    frame = recurrence.Frame(start, tz)
    fitted = recurrence.fit_rule(parse_rule(rule), frame)
    try:
        next(recurrence.instances(fitted, frame, Meter()), None)
    except RecurrenceLimit:
        assert sum(spent) > BUDGET
    else:
        assert sum(spent) <= BUDGET
