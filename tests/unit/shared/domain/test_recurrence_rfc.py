"""Every example of RFC 5545 §3.8.5.3, typed in; DTSTART is at 09:00 in New York."""

from datetime import date, datetime, timedelta

import pytest

from shared.domain.recurrence import occurrences

NY = "America/New_York"


def days(text):
    """`1997: 9/2-4,10/1 1998: 1/1` as dates; a range stays within its month."""
    found, year = [], 0
    for word in text.split():
        if word.endswith(":"):
            year = int(word[:-1])
            continue
        month = 0
        for item in word.split(","):
            part = item
            if "/" in item:
                month, part = int(item.split("/")[0]), item.split("/")[1]
            first, _, last = part.partition("-")
            found += [date(year, month, day) for day in range(int(first), int(last or first) + 1)]
    return found


def every(first, last, step):
    first, last = date.fromisoformat(first), date.fromisoformat(last)
    return [first + timedelta(days=n) for n in range(0, (last - first).days + 1, step)]


# start, rule, expected, whether the list is complete
EXAMPLES = [
    ("19970902", "FREQ=DAILY;COUNT=10", days("1997: 9/2-11"), True),
    ("19970902", "FREQ=DAILY;UNTIL=19971224T000000Z", every("1997-09-02", "1997-12-23", 1), True),
    ("19970902", "FREQ=DAILY;INTERVAL=2", every("1997-09-02", "1997-12-03", 2), False),
    ("19970902", "FREQ=DAILY;INTERVAL=10;COUNT=5", days("1997: 9/2,12,22 10/2,12"), True),
    ("19980101", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
     days("1998: 1/1-31 1999: 1/1-31 2000: 1/1-31"), True),
    ("19980101", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
     days("1998: 1/1-31 1999: 1/1-31 2000: 1/1-31"), True),
    ("19970902", "FREQ=WEEKLY;COUNT=10", every("1997-09-02", "1997-11-04", 7), True),
    ("19970902", "FREQ=WEEKLY;UNTIL=19971224T000000Z", every("1997-09-02", "1997-12-23", 7), True),
    ("19970902", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", every("1997-09-02", "1998-02-17", 14), False),
    ("19970902", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
     days("1997: 9/2,4,9,11,16,18,23,25,30 10/2"), True),
    ("19970902", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
     days("1997: 9/2,4,9,11,16,18,23,25,30 10/2"), True),
    ("19970901", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
     days("1997: 9/1,3,5,15,17,19,29 10/1,3,13,15,17,27,29,31 11/10,12,14,24,26,28 12/8,10,12,22"), True),
    ("19970902", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
     days("1997: 9/2,4,16,18,30 10/2,14,16"), True),
    ("19970905", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
     days("1997: 9/5 10/3 11/7 12/5 1998: 1/2 2/6 3/6 4/3 5/1 6/5"), True),
    ("19970905", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", days("1997: 9/5 10/3 11/7 12/5"), True),
    ("19970907", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
     days("1997: 9/7,28 11/2,30 1998: 1/4,25 3/1,29 5/3,31"), True),
    ("19970922", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
     days("1997: 9/22 10/20 11/17 12/22 1998: 1/19 2/16"), True),
    ("19970928", "FREQ=MONTHLY;BYMONTHDAY=-3",
     days("1997: 9/28 10/29 11/28 12/29 1998: 1/29 2/26"), False),
    ("19970902", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
     days("1997: 9/2,15 10/2,15 11/2,15 12/2,15 1998: 1/2,15"), True),
    ("19970930", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
     days("1997: 9/30 10/1,31 11/1,30 12/1,31 1998: 1/1,31 2/1"), True),
    ("19970910", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
     days("1997: 9/10-15 1999: 3/10-13"), True),
    ("19970902", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
     days("1997: 9/2,9,16,23,30 11/4,11,18,25 1998: 1/6,13,20,27 3/3,10,17,24,31"), False),
    ("19970610", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
     days("1997: 6/10 7/10 1998: 6/10 7/10 1999: 6/10 7/10 2000: 6/10 7/10 2001: 6/10 7/10"), True),
    ("19970310", "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
     days("1997: 3/10 1999: 1/10 2/10 3/10 2001: 1/10 2/10 3/10 2003: 1/10 2/10 3/10"), True),
    ("19970101", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
     days("1997: 1/1 4/10 7/19 2000: 1/1 4/9 7/18 2003: 1/1 4/10 7/19 2006: 1/1"), True),
    ("19970519", "FREQ=YEARLY;BYDAY=20MO", days("1997: 5/19 1998: 5/18 1999: 5/17"), False),
    ("19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", days("1997: 5/12 1998: 5/11 1999: 5/17"), False),
    ("19970313", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
     days("1997: 3/13,20,27 1998: 3/5,12,19,26 1999: 3/4,11,18,25"), False),
    ("19970605", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
     days("1997: 6/5,12,19,26 7/3,10,17,24,31 8/7,14,21,28 1998: 6/4,11,18,25 7/2,9,16,23,30 8/6,13,20,27"),
     False),
    ("19970902", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
     days("1998: 2/13 3/13 11/13 1999: 8/13 2000: 10/13"), False),
    ("19970913", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
     days("1997: 9/13 10/11 11/8 12/13 1998: 1/10 2/7 3/7 4/11 5/9 6/13"), False),
    ("19961105", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
     days("1996: 11/5 2000: 11/7 2004: 11/2"), False),
    ("19970904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", days("1997: 9/4 10/7 11/6"), True),
    ("19970929", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
     days("1997: 9/29 10/30 11/27 12/30 1998: 1/29 2/26 3/30"), False),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", days("1997: 8/5,10,19,24"), True),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", days("1997: 8/5,17,19,31"), True),
    ("20070115", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", days("2007: 1/15,30 2/15 3/15,30"), True),
]  # fmt: skip


@pytest.mark.parametrize(("start", "rule", "expected", "complete"), EXAMPLES)
def test_day_example(start, rule, expected, complete):
    anchor = datetime.fromisoformat(start).replace(hour=9)
    found = occurrences(rule, anchor, NY, limit=len(expected) + (1 if complete else 0))
    assert [at.date() for at in found] == expected
    assert {f"{at:%H:%M:%S}" for at in found} == {"09:00:00"}


def test_friday_the_13th_excludes_the_start():
    found = occurrences(
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", datetime(1997, 9, 2, 9), NY, limit=2, include_dtstart=True,
        exdates=["19970902T090000"],
    )  # fmt: skip
    assert [at.date() for at in found] == days("1998: 2/13 3/13")


@pytest.mark.parametrize(("rule", "expected"), [
    ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", ["02 09:00", "02 12:00", "02 15:00"]),
    ("FREQ=MINUTELY;INTERVAL=15;COUNT=6",
     ["02 09:00", "02 09:15", "02 09:30", "02 09:45", "02 10:00", "02 10:15"]),
    ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", ["02 09:00", "02 10:30", "02 12:00", "02 13:30"]),
])  # fmt: skip
def test_sub_daily_example(rule, expected):
    found = occurrences(rule, datetime(1997, 9, 2, 9), NY, limit=99)
    # the RFC's text ends the first one at 17:00 local; 21:00Z is 17:00 EDT
    assert [f"{at:%d %H:%M}" for at in found][: len(expected)] == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("rule", [
    "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
    "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
])  # fmt: skip
def test_every_20_minutes_in_office_hours(rule):
    found = occurrences(rule, datetime(1997, 9, 2, 9), NY, limit=48)
    one_day = [f"{hour:02d}:{minute:02d}" for hour in range(9, 17) for minute in (0, 20, 40)]
    assert [f"{at:%H:%M}" for at in found] == one_day * 2
    assert [at.day for at in found] == [2] * 24 + [3] * 24
