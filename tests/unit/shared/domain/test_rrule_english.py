"""Rules in plain English."""

from datetime import date, datetime

import pytest

from shared.domain.recurrence import describe


@pytest.mark.parametrize(("rule", "text"), [
    ("FREQ=DAILY", "every day"),
    ("FREQ=DAILY;INTERVAL=3;COUNT=5", "every 3 days, 5 times"),
    ("FREQ=DAILY;COUNT=1", "every day, once"),
    ("FREQ=DAILY;BYMONTH=1,12", "every day in January and December"),
    ("FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0", "every day at 09:00 and 17:00"),
    ("FREQ=WEEKLY", "every week"),
    ("FREQ=WEEKLY;BYDAY=MO", "every Monday"),
    ("FREQ=WEEKLY;BYDAY=MO,WE,FR", "every Monday, Wednesday and Friday"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
    ("FREQ=WEEKLY;BYDAY=SA,SU", "every Saturday and Sunday"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "every day"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;UNTIL=20260601",
     "every 2 weeks on Monday and Friday until 1 June 2026"),
    ("FREQ=MONTHLY", "every month"),
    ("FREQ=MONTHLY;BYMONTHDAY=1,15,-1", "every month on the 1st, 15th and last day"),
    ("FREQ=MONTHLY;BYMONTHDAY=-2", "every month on the 2nd to last day"),
    ("FREQ=MONTHLY;BYDAY=2TU,-1FR", "every month on the 2nd Tuesday and the last Friday"),
    ("FREQ=MONTHLY;BYDAY=MO", "every month on every Monday"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "every month on the last weekday"),
    ("FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1", "every month on the 1st weekend day"),
    ("FREQ=MONTHLY;BYDAY=TU,TH;BYSETPOS=3", "every month on the 3rd Tuesday or Thursday"),
    ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "every month on the 13th if it is a Friday"),
    ("FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
     "every month on the 31st, or the last day of shorter months"),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD",
     "every month on the 31st, or the last day of shorter months"),
    ("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=FORWARD",
     "every month on the 31st, or the first day after shorter months"),
    ("FREQ=MONTHLY;BYMONTHDAY=1,2,3;BYSETPOS=-1",
     "every month on the 1st, 2nd and 3rd, only the last of them"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "every year on 29 February"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
     "every year on 29 February, or 28 February in other years"),
    ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "every year in November on the 4th Thursday"),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "every year in week 20 on Monday"),
    ("FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=MO", "every year in weeks 1 and last of the year on Monday"),
    ("FREQ=YEARLY;BYYEARDAY=100,-1", "every year on the 100th and last day of the year"),
    ("FREQ=HOURLY;INTERVAL=4", "every 4 hours"),
    ("FREQ=MINUTELY;INTERVAL=30;BYHOUR=9,10", "every 30 minutes at hours 9 and 10"),
    ("FREQ=DAILY;BYSECOND=30", "every day at second 30"),
])  # fmt: skip
def test_description(rule, text):
    assert describe(rule) == text


@pytest.mark.parametrize(("rule", "start", "text"), [
    ("FREQ=WEEKLY", date(2026, 6, 1), "every Monday"),
    ("FREQ=MONTHLY", date(2026, 6, 1), "every month on the 1st"),
    ("FREQ=YEARLY", date(2024, 2, 29), "every year on 29 February"),
    ("FREQ=YEARLY;BYWEEKNO=20", date(2026, 6, 3), "every year in week 20 on Wednesday"),
    ("FREQ=DAILY;BYHOUR=9", datetime(2026, 6, 1, 8, 30), "every day at 09:30"),
    ("FREQ=MONTHLY;BYDAY=1MO", date(2026, 6, 3), "every month on the 1st Monday"),
])  # fmt: skip
def test_description_with_the_start_filled_in(rule, start, text):
    assert describe(rule, start) == text


def test_until_is_named_by_its_local_day():
    rule = "FREQ=DAILY;UNTIL=20260602T025959Z"
    assert describe(rule, datetime(2026, 5, 1, 8), "America/New_York").endswith("until 1 June 2026")
    assert describe(rule).endswith("until 2 June 2026")
