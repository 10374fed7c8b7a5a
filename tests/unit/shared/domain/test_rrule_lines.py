"""What may surround a rule: accepted where it says nothing new, refused with a true way out elsewhere."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import cron
from shared.domain.recurrence import InvalidRecurrence, RecurrenceLimit, describe, occurrences, validate
from shared.domain.rrule_text import parse_rule
from tests.profiles import ANY
from tests.unit.shared.domain.test_recurrence_properties import rules

START, LONDON = datetime(2026, 6, 1, 8), "Europe/London"


@pytest.mark.parametrize(("text", "canonical"), [
    ("  FREQ=DAILY\r\n", "FREQ=DAILY"),
    ("\nRRULE:FREQ=DAILY;COUNT=3\n\n", "FREQ=DAILY;COUNT=3"),
    ("RRULE: FREQ=WEEKLY; BYDAY=MO, FR", "FREQ=WEEKLY;BYDAY=MO,FR"),
    ("FREQ=WEEKLY ;\tBYDAY = MO ,FR ; ", "FREQ=WEEKLY;BYDAY=MO,FR"),
    ("FREQ=WEEKLY;BY\r\n DAY=MO", "FREQ=WEEKLY;BYDAY=MO"),
    ("FREQ=DAILY;\n\tCOUNT=3", "FREQ=DAILY;COUNT=3"),
    ("DTSTART:20260601T080000\nRRULE:FREQ=DAILY", "FREQ=DAILY"),
    ("dtstart;tzid=Europe/London:20260601t080000\r\nrrule:freq=daily", "FREQ=DAILY"),
    ('RRULE:FREQ=DAILY\nDTSTART;TZID="Europe/London";VALUE=DATE-TIME:20260601T080000', "FREQ=DAILY"),
])  # fmt: skip
def test_what_is_unambiguous_is_accepted(text, canonical):
    assert validate(text, START, LONDON) == canonical
    assert occurrences(text, START, LONDON, limit=3) == occurrences(canonical, START, LONDON, limit=3)


@pytest.mark.parametrize(("start", "due", "tz"), [
    ("DTSTART:20260601T080000", START, None),
    ("DTSTART:20260601T080000Z", START, "UTC"),
    ("DTSTART:20260601", date(2026, 6, 1), None),
    ("DTSTART;VALUE=DATE:20260601", date(2026, 6, 1), None),
])  # fmt: skip
def test_a_dtstart_that_repeats_the_due(start, due, tz):
    text = f"{start}\nRRULE:FREQ=DAILY"
    assert validate(text, due, tz) == "FREQ=DAILY"
    assert describe(text, due, tz) == "every day"


@pytest.mark.parametrize(("start", "due", "tz", "advice"), [
    ("DTSTART:20260602T080000", START, LONDON, "send it as due"),
    ("DTSTART;TZID=America/New_York:20260601T080000", START, LONDON, "its zone as timezone"),
    ("DTSTART;TZID=Europe/London:20260601T080000", START, None, "its zone as timezone"),
    ("DTSTART:20260601T070000Z", START, LONDON, "in UTC but the due is in Europe/London"),
    ("DTSTART:20260601T080000Z", START, None, "in UTC but the due is a local time"),
    ("DTSTART;TZID=Europe/London:20260601T080000Z", START, LONDON, "without Z"),
    ("DTSTART;VALUE=DATE:20260601", START, LONDON, "send it as due"),
    ("DTSTART;VALUE=DATE:20260601T080000", START, LONDON, "VALUE of another kind"),
    ("DTSTART:20260601T080000", date(2026, 6, 1), None, "send it as due"),
    ("DTSTART;X-ZONE=1:20260601T080000", START, LONDON, "no parameters but TZID and VALUE"),
    ("DTSTART:2026-06-01T08:00", START, LONDON, "20260601T080000"),
    ("DTSTART:20260601T080000\nDTSTART:20260601T080000", START, LONDON, "the one that is the due"),
    ("DTSTART:00010101T000000Z", START, LONDON, "in UTC"),
])  # fmt: skip
def test_another_start_is_refused(start, due, tz, advice):
    with pytest.raises(InvalidRecurrence, match=advice) as raised:
        validate(f"{start}\nRRULE:FREQ=DAILY", due, tz)
    assert raised.value.part == "DTSTART"


def test_a_dtstart_without_a_due_to_compare_is_refused():
    with pytest.raises(InvalidRecurrence, match="send this start as due"):
        validate("DTSTART:20260601T080000\nRRULE:FREQ=DAILY")
    with pytest.raises(InvalidRecurrence, match="does not begin with a blank"):  # folded into the line above
        validate("DTSTART:20260601T080000\n RRULE:FREQ=DAILY", START, LONDON)
    with pytest.raises(InvalidRecurrence, match="is empty"):
        validate("DTSTART:20260601T080000", START, LONDON)


# What the user meant, and what the message must say so that following it gives just that.
@pytest.mark.parametrize(("text", "part", "advice"), [
    ("RRULE:FREQ=DAILY\nEXDATE:20260602T080000", "EXDATE", "as exdates"),
    ("RRULE:FREQ=DAILY\nRDATE:20260602T120000", "RDATE", "as rdates"),
    ("RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", "EXRULE", "leaves these dates out"),
    ("FREQ=DAILY;EXDATE=20260602T080000", "EXDATE", "as exdates"),
    ("FREQ=DAILY;DTSTART=20260601T080000Z", "DTSTART", "as due"),
    ("FREQ=DAILY;TZID=Europe/London", "TZID", "as timezone"),
    ("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "RRULE", "a task for each rule"),
    ("RRULE:FREQ=DAILY\nRRULE:FREQ=daily", "RRULE", "write it once"),
    ("RRULE:RRULE:FREQ=DAILY", "RRULE", "RRULE: once"),
    ("RRULE;X-A=1:FREQ=DAILY", "RRULE", "no parameters"),
    ("RRULE FREQ=DAILY", "RRULE", "NAME=value"),
    ("BEGIN:VEVENT\nRRULE:FREQ=DAILY", "BEGIN", "send the RRULE line"),
    ("SUMMARY:Tea\nRRULE:FREQ=DAILY", "SUMMARY", "send the RRULE line"),
    ("FREQ=DAILY\nCOUNT=3", "RRULE", "';' between them"),
    ("FREQ=DAILY COUNT=3", "FREQ", "';' between them"),
    ("FREQ=DAILY;COUNT=1 0", "COUNT", "has a blank inside"),
    ("FREQ=WEEKLY;BYDAY=MO TU", "BYDAY", "',' between values"),
    ("FREQ=WEEKLY;BYDAY=MO,,TU", "BYDAY", "empty value"),
    ("FREQ=WEEKLY;BYDAY=MONDAY", "BYDAY", "write MO instead of MONDAY"),
    ("FREQ=WEEKLY;BYDAY=Mon,Thu", "BYDAY", "write MO instead of MON"),
    ("FREQ=WEEKLY;BYDAY=TUES", "BYDAY", "write TU instead of TUES"),
    ("FREQ=WEEKLY;BYDAY=Thursdays", "BYDAY", "write TH instead of THURSDAYS"),
    ("FREQ=MONTHLY;BYDAY=-1Friday", "BYDAY", "write -1FR instead of -1FRIDAY"),
    ("FREQ=WEEKLY;WKST=Sunday", "WKST", "write SU instead of SUNDAY"),
    ("FREQ=WEEKLY;BYDAY=MOTHER", "BYDAY", "MO,TU,WE,TH,FR,SA,SU"),
    ("FREQ=WEEKLY;BYDAY=MO;BYDAY=TU", "BYDAY", "BYDAY=MO,TU"),
    ("FREQ=DAILY;COUNT=2;COUNT=3", "COUNT", "the one that holds"),
    ("FREQ=DAILY;COUNT=2;COUNT=2", "COUNT", "write it once"),
    ("FREQ=DAILY;COUNT=2;UNTIL=20260603T080000", "COUNT", "ends the series first"),
    ("FREQ=WEEKLY;BYMONTHDAY=13", "BYMONTHDAY", "name the weekday in BYDAY"),
    ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY", "BYMONTH and BYMONTHDAY"),
    ("FREQ=DAILY;BYWEEKNO=20", "BYWEEKNO", "the weekdays in BYDAY"),
    ("FREQ=WEEKLY;BYDAY=2TU", "BYDAY", "the second Tuesday of a month or year"),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1TU", "BYDAY", "write 1TU as TU"),
    ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS", "such as BYDAY"),
    ("FREQ=YEARLY;BYEASTER=0", "BYEASTER", "is not a rule part"),
    ("RSCALE=HEBREW;FREQ=YEARLY", "RSCALE", "as rdates"),
    ("FREQ=WEEKLY;BYDAY=", "BYDAY", "has no value"),
    ("FREQ=BIWEEKLY", "FREQ", "INTERVAL=2"),
    ("DAILY", "DAILY", "FREQ=DAILY"),
    ("0 9 * * 1-5", "RRULE", "send it as cron"),
    ("FREQ=DAILY;UNTIL=20260601T080000+0200", "UNTIL", "converted to UTC"),
    ("FREQ=DAILY;UNTIL=99991231T235959Z", "UNTIL", "a series without an end has none"),
    ("FREQ=DAILY;COUNT=10000", "COUNT", "with UNTIL"),
    ("FREQ=MINUTELY;BYMINUTE=0", "INTERVAL", "FREQ=HOURLY;BYMINUTE"),
    ("FREQ=DAILY\u00a0", "RRULE", r"U\+00A0"),
    ("FREQ=DAILY\x00", "RRULE", r"U\+0000"),
    ("FREQ=DAILY\rCOUNT=2", "FREQ", "';' between them"),
])  # fmt: skip
def test_a_refusal_says_how_to_keep_the_meaning(text, part, advice):
    with pytest.raises(InvalidRecurrence, match=advice) as raised:
        validate(text, START, LONDON)
    assert raised.value.part == part
    assert "remove" not in raised.value.reason


def test_the_whole_day_of_a_floating_until_is_spelt_out():
    with pytest.raises(InvalidRecurrence, match="20260603T235959"):
        validate("FREQ=DAILY;UNTIL=20260603", START)
    with pytest.raises(InvalidRecurrence, match="local time without Z"):
        validate("FREQ=DAILY;UNTIL=20260603T080000Z", START)
    with pytest.raises(InvalidRecurrence, match="due with a time of day"):
        validate("FREQ=HOURLY", date(2026, 6, 1))


@pytest.mark.parametrize(("text", "advice"), [
    ("0 0 9 * * *", "neither seconds nor years"), ("@reboot", "known are @yearly"),
    ("CRON_TZ=Europe/London 0 9 * * *", "as timezone"), ("FREQ=DAILY", "send it as rrule"),
    ("*/10 * * * *", "10 minutes apart"), ("0 9 ? * *", r"write \* for \?"), ("0 24 * * *", "0 is midnight"),
    ("0 0 * * 8", "0 and 7 are Sunday"), ("60 * * * *", "0 to 59"), ("0 0 1 13 *", "1 to 12"),
    ("0 0 31 2 *", "L for the last"),
    ("0 9 * *", "minute hour day month weekday"),
    ("0 9 *\u00a0* *", r"U\+00A0"), ("", "exactly five fields"), ("0 9 * * 1-5\x00", r"U\+0000"),
])  # fmt: skip
def test_a_refused_schedule_says_where_it_belongs(text, advice):
    with pytest.raises(InvalidRecurrence, match=advice):
        cron.validate(text)


def _blanks(draw, text):
    """Blanks around separators, which say nothing."""
    blank = st.sampled_from(("", " ", "\t", "  "))
    return "".join(f"{draw(blank)}{char}{draw(blank)}" if char in ";,=" else char for char in text)


@st.composite
def decorated(draw, zone):
    """A rule, and the same rule as calendars and people write it."""
    rule = draw(rules())
    text = _blanks(draw, draw(st.sampled_from((rule, rule.lower()))))
    prefix = draw(st.sampled_from(("", "RRULE:", "rrule:", "RRULE: ")))
    text = prefix + text + draw(st.sampled_from(("", ";", " ; ")))
    at = draw(st.integers(1, len(text) - 1))
    if text[at - 1] not in " \t" and text[at] not in " \t":
        text = text[:at] + draw(st.sampled_from(("", "\r\n ", "\n\t"))) + text[at:]
    if draw(st.booleans()):
        tzid = f";TZID={zone}" if zone and draw(st.booleans()) else ""
        text = f"DTSTART{tzid}:20260601T080000\n{text if prefix else 'RRULE:' + text}"
    return rule, draw(st.sampled_from(("", " ", "\r\n"))) + text + draw(
        st.sampled_from(("", " ", "\r\n", "\n"))
    )


@given(st.data(), st.sampled_from((LONDON, None)))
def test_accepted_writings_never_change_the_occurrences(data, tz):
    rule, text = data.draw(decorated(tz))
    try:
        expected = occurrences(rule, START, tz, limit=5)
    except RecurrenceLimit:
        return
    assert occurrences(text, START, tz, limit=5) == expected


_PIECES = st.sampled_from([
    "FREQ=", "DAILY", "WEEKLY", "RRULE:", "DTSTART", ":", ";", ",", "=", "\r\n ", "\n", " ", "TZID=",
    "VALUE=DATE", "20260601T080000", "00010101", "99991231T235959Z", "Z", "EXDATE:", "BYDAY=", "MONDAY",
    "-1FR", "\x00", "é", "9" * 30, "COUNT=", "UNTIL=", "INTERVAL=", "BYSETPOS=", "0 9 * * *", "@daily",
    "*", "/", "#", "L", "W", "?", "-",
])  # fmt: skip


@given(
    st.text(ANY, max_size=80) | st.lists(_PIECES, max_size=12).map("".join),
    st.sampled_from((LONDON, "UTC", None)),
)
def test_any_text_gives_an_answer_or_the_one_error(text, tz):
    refusals = []
    for due in (START, date(2026, 6, 1), None):
        for read in (
            lambda t, d: validate(t, d, tz),
            lambda t, d: cron.validate(t, d, tz),
            lambda t, _: parse_rule(t),
        ):
            try:
                read(text, due)
            except InvalidRecurrence as error:
                refusals.append(error)
    assert all(error.part and error.reason and len(str(error)) < 300 for error in refusals)
