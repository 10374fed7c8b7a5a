"""The grammar: what is tolerated, what is refused with which part, and the canonical text."""

import pickle
from datetime import UTC, date, datetime

import pytest

from shared.domain.rrule_text import InvalidRecurrence, RecurrenceLimit, format_rule, parse_rule


@pytest.mark.parametrize(("text", "canonical"), [
    ("FREQ=DAILY", "FREQ=DAILY"),
    ("RRULE:FREQ=DAILY", "FREQ=DAILY"),
    ("rrule:freq=weekly;byday=mo", "FREQ=WEEKLY;BYDAY=MO"),
    ("freq=weekly;byday=fr,mo;", "FREQ=WEEKLY;BYDAY=MO,FR"),
    ("BYDAY=MO;FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO"),
    ("FREQ=DAILY;INTERVAL=1;WKST=MO", "FREQ=DAILY"),
    ("FREQ=DAILY;INTERVAL=02;COUNT=007", "FREQ=DAILY;INTERVAL=2;COUNT=7"),
    ("FREQ=MONTHLY;BYMONTHDAY=-1,+15,1,15", "FREQ=MONTHLY;BYMONTHDAY=1,15,-1"),
    ("FREQ=MONTHLY;BYDAY=-1FR,+2TU,MO,2TU", "FREQ=MONTHLY;BYDAY=MO,2TU,-1FR"),
    ("FREQ=YEARLY;WKST=SU;BYSETPOS=-1,1;BYDAY=MO;BYMONTH=01,12",
     "FREQ=YEARLY;BYMONTH=1,12;BYDAY=MO;BYSETPOS=1,-1;WKST=SU"),
    ("FREQ=DAILY;BYSECOND=60,59;BYMINUTE=0;BYHOUR=9", "FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=59"),
    ("FREQ=DAILY;UNTIL=20260601", "FREQ=DAILY;UNTIL=20260601"),
    ("FREQ=DAILY;UNTIL=20260601t080000", "FREQ=DAILY;UNTIL=20260601T080000"),
    ("FREQ=DAILY;UNTIL=20260601T080060Z", "FREQ=DAILY;UNTIL=20260601T080059Z"),
    ("SKIP=BACKWARD;FREQ=MONTHLY;RSCALE=gregorian", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD"),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT", "FREQ=MONTHLY"),
    ("FREQ=SECONDLY;BYYEARDAY=-366,366", "FREQ=SECONDLY;BYYEARDAY=366,-366"),
])  # fmt: skip
def test_canonical_text(text, canonical):
    assert format_rule(parse_rule(text)) == canonical
    assert format_rule(parse_rule(canonical)) == canonical


@pytest.mark.parametrize(("text", "part"), [
    ("", "RRULE"), (";", "RRULE"), ("RRULE:", "RRULE"), ("DAILY", "DAILY"), ("FREQ", "FREQ"),
    ("FREQ=", "FREQ"),
    ("=DAILY", "RRULE"), ("INTERVAL=2", "FREQ"), ("FREQ=HOUR", "FREQ"), ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
    ("FREQ=DAILY;;COUNT=2", "RRULE"), ("FREQ=DAILY;;", "RRULE"),
    ("FREQ=DAILY;COUNT=2;COUNT=2", "COUNT"),
    ("FREQ=DAILY;BYDAY=MO;BYDAY=TU", "BYDAY"),
    ("FREQ=DAILY;COUNT=2;UNTIL=20260601", "COUNT"), ("FREQ=DAILY;COUNT=0", "COUNT"),
    ("FREQ=DAILY;COUNT=-2", "COUNT"),
    ("FREQ=DAILY;COUNT=1e3", "COUNT"), ("FREQ=DAILY;COUNT=" + "9" * 19, "COUNT"),
    ("FREQ=DAILY;COUNT=+2", "COUNT"),
    ("FREQ=DAILY;INTERVAL=0", "INTERVAL"), ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
    ("FREQ=DAILY;INTERVAL=2.5", "INTERVAL"),
    ("FREQ=DAILY;INTERVAL=\uff12", "RRULE"), ("FREQ=DAILY;INTERVAL=\u0662", "RRULE"),
    ("FREQ=\u017fECONDLY", "RRULE"),
    ("FREQ=DAILY;BYMONTH=13", "BYMONTH"), ("FREQ=DAILY;BYMONTH=0", "BYMONTH"),
    ("FREQ=DAILY;BYMONTH=-1", "BYMONTH"),
    ("FREQ=DAILY;BYMONTH=5L", "BYMONTH"), ("FREQ=DAILY;BYMONTH=1,", "BYMONTH"),
    ("FREQ=DAILY;BYMONTH=1,,2", "BYMONTH"),
    ("FREQ=DAILY;BYMONTHDAY=32", "BYMONTHDAY"),
    ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY"), ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY"),
    ("FREQ=DAILY;BYMONTHDAY=+-1", "BYMONTHDAY"), ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY"),
    ("FREQ=YEARLY;BYYEARDAY=0", "BYYEARDAY"), ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO"),
    ("FREQ=DAILY;BYHOUR=24", "BYHOUR"), ("FREQ=DAILY;BYHOUR=-1", "BYHOUR"),
    ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE"),
    ("FREQ=DAILY;BYSECOND=61", "BYSECOND"), ("FREQ=DAILY;BYHOUR=1;BYSETPOS=0", "BYSETPOS"),
    ("FREQ=DAILY;BYHOUR=1;BYSETPOS=367", "BYSETPOS"), ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
    ("FREQ=WEEKLY;BYDAY=2TU", "BYDAY"), ("FREQ=DAILY;BYDAY=-1MO", "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"), ("FREQ=MONTHLY;BYDAY=XX", "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=+MO", "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=--1MO", "BYDAY"), ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=MO TU", "BYDAY"), ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO"),
    ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"), ("FREQ=WEEKLY;BYYEARDAY=1", "BYYEARDAY"),
    ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"), ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
    ("FREQ=DAILY;WKST=XX", "WKST"), ("FREQ=DAILY;WKST=1MO", "WKST"), ("FREQ=DAILY;UNTIL=2026-06-01", "UNTIL"),
    ("FREQ=DAILY;UNTIL=20260631", "UNTIL"), ("FREQ=DAILY;UNTIL=20260601T0800", "UNTIL"),
    ("FREQ=DAILY;UNTIL=20260601T250000Z", "UNTIL"), ("FREQ=DAILY;UNTIL=20260601T", "UNTIL"),
    ("FREQ=DAILY;UNTIL=20260601Z", "UNTIL"), ("FREQ=DAILY;UNTIL=00000101", "UNTIL"),
    ("FREQ=YEARLY;BYEASTER=0", "BYEASTER"), ("FREQ=DAILY;X-FOO=1", "X-FOO"), ("EXRULE:FREQ=DAILY", "EXRULE"),
    ("FREQ=DAILY;SKIP=BACKWARD", "SKIP"), ("RSCALE=GREGORIAN;FREQ=DAILY;SKIP=SIDEWAYS", "SKIP"),
    ("RSCALE=HEBREW;FREQ=DAILY", "RSCALE"), ("FREQ=DAILY;BYMONTH=" + "1," * 9000 + "1", "RRULE"),
    (None, "RRULE"), (5, "RRULE"),
])  # fmt: skip
def test_refused(text, part):
    with pytest.raises(InvalidRecurrence) as raised:
        parse_rule(text)
    assert raised.value.part == part
    assert str(raised.value) == f"{part}: {raised.value.reason}"


def test_values_of_until_keep_their_kind():
    assert parse_rule("FREQ=DAILY;UNTIL=20260601").until == date(2026, 6, 1)
    assert parse_rule("FREQ=DAILY;UNTIL=20260601T080000").until == datetime(2026, 6, 1, 8)
    assert parse_rule("FREQ=DAILY;UNTIL=20260601T080000Z").until == datetime(2026, 6, 1, 8, tzinfo=UTC)


def test_errors_are_values_and_survive_a_process_boundary():
    error = pickle.loads(pickle.dumps(RecurrenceLimit("RRULE", "too rare")))
    assert (type(error), error.part, error.reason) == (RecurrenceLimit, "RRULE", "too rare")
    assert isinstance(error, ValueError)
