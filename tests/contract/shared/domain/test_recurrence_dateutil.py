"""The engine against python-dateutil over random rules, restricted to where dateutil follows RFC 5545.

20,000 under CI=true, fewer elsewhere; TASKFLOW_DIFFERENTIAL_RULES sets another number.
The seed is fixed: a failure can be run again.
"""

import os
import random
from datetime import datetime
from itertools import islice

import pytest
from dateutil.rrule import rrulestr

from shared.domain.recurrence import RecurrenceLimit, occurrences

RULES = int(os.environ.get("TASKFLOW_DIFFERENTIAL_RULES") or ("20000" if os.environ.get("CI") else "3000"))
PARTS = 8  # for parallel workers
COMPARED = 6
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def some(random_, low, high, most, *, signed=False):
    values = {random_.randint(low, high) for _ in range(random_.randint(1, most))}
    if signed:
        values = {-value if random_.random() < 0.3 else value for value in values}
    return ",".join(map(str, sorted(values)))


def weekdays(random_, *, ordinals=False):
    chosen = random_.sample(DAYS, random_.randint(1, 4))
    if ordinals:  # all or none: dateutil intersects MO,2TU where the RFC unites
        return ",".join(f"{random_.choice((1, 2, 3, 4, -1, -2))}{day}" for day in chosen)
    return ",".join(chosen)


def yearly(random_):
    parts = {"BYMONTH": some(random_, 1, 12, 3)} if random_.random() < 0.5 else {}
    kind = random_.choice(("", "monthday", "yearday", "week", "day", "nth", "both"))
    if kind in ("yearday", "week"):
        parts = {}  # with BYMONTH most of these never occur
    if kind in ("monthday", "both") and parts:  # without BYMONTH dateutil takes all twelve (#1452)
        parts["BYMONTHDAY"] = some(random_, 1, 31, 4, signed=True)
    if kind == "yearday":
        parts["BYYEARDAY"] = some(random_, 1, 366, 5, signed=True)
    if kind == "week":  # 1, 52 and 53 at the turn of the year are wrong there (PR #1537); weekdays are needed
        parts |= {"BYWEEKNO": some(random_, 2, 51, 3), "BYDAY": weekdays(random_)}
    if kind in ("day", "both"):
        parts["BYDAY"] = weekdays(random_)
    if kind == "nth":
        parts["BYDAY"] = weekdays(random_, ordinals=True)
    return parts


def monthly(random_):
    parts = {"BYMONTH": some(random_, 1, 12, 4)} if random_.random() < 0.2 else {}
    kind = random_.choice(("", "monthday", "day", "nth", "both"))
    if kind in ("monthday", "both"):
        parts["BYMONTHDAY"] = some(random_, 1, 31, 5, signed=True)
    if kind in ("day", "both"):
        parts["BYDAY"] = weekdays(random_)
    if kind == "nth":
        parts["BYDAY"] = weekdays(random_, ordinals=True)
    return parts


def weekly(random_):
    parts = {"BYMONTH": some(random_, 1, 12, 4)} if random_.random() < 0.15 else {}
    if random_.random() < 0.8:
        parts["BYDAY"] = weekdays(random_)
    return parts


def daily(random_):
    parts = {"BYMONTH": some(random_, 1, 12, 5)} if random_.random() < 0.2 else {}
    if random_.random() < 0.3:
        parts["BYMONTHDAY"] = some(random_, 1, 28, 6, signed=True)
    if random_.random() < 0.3:
        parts["BYDAY"] = weekdays(random_)
    return parts


def sub_daily(random_, freq):
    parts = {}
    if random_.random() < 0.3:
        parts["BYDAY"] = weekdays(random_)
    if freq != "SECONDLY" and random_.random() < 0.3:  # dateutil walks second by second
        parts["BYMONTHDAY"] = some(random_, 1, 28, 6)
    if freq != "SECONDLY" and random_.random() < 0.4:
        parts["BYHOUR"] = some(random_, 0, 23, 6)
    if random_.random() < 0.4:
        parts["BYMINUTE"] = some(random_, 0, 59, 5)
    if random_.random() < 0.2:
        parts["BYSECOND"] = some(random_, 0, 59, 3)
    return parts


MAKERS = {"YEARLY": yearly, "MONTHLY": monthly, "WEEKLY": weekly, "DAILY": daily}
FREQUENCIES = {
    "YEARLY": 30,
    "MONTHLY": 25,
    "WEEKLY": 15,
    "DAILY": 15,
    "HOURLY": 8,
    "MINUTELY": 5,
    "SECONDLY": 2,
}


def make(random_):
    """One rule and its start; no WEEKLY + BYSETPOS, whose set dateutil starts at DTSTART (#1398)."""
    freq = random_.choices(list(FREQUENCIES), list(FREQUENCIES.values()))[0]
    sub = freq not in MAKERS
    parts = sub_daily(random_, freq) if sub else MAKERS[freq](random_)
    if not sub and random_.random() < 0.25:
        parts["BYHOUR"] = some(random_, 0, 23, 3)
        if random_.random() < 0.5:
            parts["BYMINUTE"] = some(random_, 0, 59, 3)
    if (
        parts
        and (freq in ("YEARLY", "MONTHLY") or (freq == "DAILY" and "BYHOUR" in parts))
        and random_.random() < 0.2
    ):
        parts["BYSETPOS"] = some(random_, 1, 2, 2, signed=True)
    text = [f"FREQ={freq}"]
    if random_.random() < 0.5:
        text.append(f"INTERVAL={random_.choice((1, 5, 7, 11)) if sub else random_.randint(1, 6)}")
    if random_.random() < 0.2:
        text.append(f"COUNT={random_.randint(1, 8)}")
    if random_.random() < 0.3:
        text.append(f"WKST={random_.choice(DAYS)}")
    text += [f"{name}={value}" for name, value in parts.items()]
    start = datetime(
        random_.randint(1990, 2030), random_.randint(1, 12), random_.randint(1, 28), random_.randint(0, 23),
        random_.randint(0, 59), random_.choice((0, 0, 0, 30)),
    )  # fmt: skip
    return ";".join(text), start


def oracle(text, start):
    """dateutil's answer; None where it refuses a contradiction instead of finding it empty."""
    until = datetime(start.year + 60, 1, 1)
    try:
        bounded = (at for at in rrulestr(text, dtstart=start).xafter(start, inc=True))
        found = []
        for at in islice(bounded, COMPARED):
            if at > until:
                break
            found.append(at)
    except ValueError:
        return None
    return found


@pytest.mark.no_cover  # tracing makes this five times slower, and the examples of the other files cover it
@pytest.mark.parametrize("part", range(PARTS))
def test_random_rules_agree_with_dateutil(part):
    random_ = random.Random(20260601 + part)
    compared = limited = 0
    while compared < RULES / PARTS:
        text, start = make(random_)
        try:
            ours = occurrences(text, start, limit=COMPARED)
        except RecurrenceLimit:
            limited += 1  # dateutil would search to the year 9999
            assert limited < max(RULES / PARTS / 20, 100), "too many rules are cut short"
            continue
        theirs = oracle(text, start)
        if theirs is None:
            continue
        compared += 1
        assert ours[: len(theirs)] == theirs, f"{text} from {start}"
        assert len(theirs) == len(ours) or ours[len(theirs)].year >= start.year + 60, f"{text} from {start}"
        if len(theirs) == COMPARED and "COUNT" not in text:
            again = occurrences(text, start, limit=3, after=theirs[2])
            assert again == theirs[3:6], f"{text} from {start} after {theirs[2]}"
