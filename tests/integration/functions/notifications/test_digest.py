"""The daily digest: one for a local day, however often the tick comes or how long it does not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from functions.notifications.digests import DigestSweep
from functions.tasks.account import verbs as account
from functions.tasks.tasks import verbs
from shared.testing.deliveries import CAUSE, TICK, post


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def settings(world):
    def change(user_id, **given):
        with world.api.write(user_id, CAUSE) as tx:
            account.change(tx, given)

    return change


@pytest.fixture
def create(world):
    def make(user_id, **given):
        with world.api.write(user_id, CAUSE) as tx:
            return verbs.create(tx, {"title": "Water the plants"} | given)

    return make


@pytest.fixture
def digests(rows):
    def of(user_id):
        sql = (
            "select title, data, created_at from notifications where user_id = %s and event_type = 'digest'"
            " order by created_at"
        )
        return rows(sql, user_id)

    return of


@pytest.fixture
def next_at(rows):
    return lambda user_id: rows("select next_digest_at from accounts where user_id = %s", user_id)[0][0]


def days(found):
    return [data["day"] for _, data, _ in found]


def test_it_says_what_is_due_today_and_overdue(world, settings, create, digests, next_at, user_id, sim_clock):
    settings(user_id, timezone="America/New_York", digest_hour=8)
    create(user_id, title="yesterday", due="2025-12-31")
    create(user_id, title="all day", due="2026-01-02")
    create(user_id, title="late today", due="2026-01-02T23:30")
    create(user_id, title="tomorrow", due="2026-01-03T00:00")
    create(user_id, title="whenever")
    done = create(user_id, title="done", due="2026-01-02")
    with world.api.write(user_id, CAUSE) as tx:
        verbs.complete(tx, done.id)
    sim_clock.now = utc("2026-01-02T12:59")
    post(world.view, TICK)
    # 08:00 of the 1st was an hour after the settings were made: nobody ticked, it goes out late
    assert days(digests(user_id)) == ["2026-01-01"]
    sim_clock.advance(minutes=1)
    for _ in range(3):
        assert post(world.view, TICK).status_code == 204
    _, (title, data, _) = digests(user_id)
    assert title == "2 due today, 1 overdue"
    assert (data["day"], data["today"], data["overdue"]) == ("2026-01-02", 2, 1)
    assert [t["title"] for t in data["tasks"]] == ["yesterday", "all day", "late today"]
    assert [t["due"] for t in data["tasks"]] == ["2025-12-31", "2026-01-02", "2026-01-02T23:30"]
    assert next_at(user_id) == utc("2026-01-03T13:00")


def test_it_names_twenty_and_counts_all(world, settings, create, digests, user_id, sim_clock):
    settings(user_id, digest_hour=8)
    for n in range(25):
        create(user_id, title=f"t{n:02}", due="2026-01-02")
    sim_clock.now = utc("2026-01-02T08:00")
    post(world.view, TICK)
    [(title, data, _)] = digests(user_id)
    assert title == "25 due today, 0 overdue"
    assert len(data["tasks"]) == 20


def test_a_day_with_nothing_to_say_has_none(world, settings, create, digests, next_at, user_id, sim_clock):
    settings(user_id, digest_hour=8)
    create(user_id, due="2026-02-01")
    sim_clock.now = utc("2026-01-02T08:00")
    post(world.view, TICK)
    assert digests(user_id) == []
    assert next_at(user_id) == utc("2026-01-03T08:00")


def test_an_outage_of_days_brings_one(world, settings, create, digests, next_at, user_id, sim_clock):
    settings(user_id, digest_hour=8)
    create(user_id, due="2026-01-01")
    sim_clock.now = utc("2026-01-05T09:30")
    for _ in range(2):
        post(world.view, TICK)
    assert days(digests(user_id)) == ["2026-01-05"]
    assert next_at(user_id) == utc("2026-01-06T08:00")


def test_a_short_outage_over_midnight_loses_none(world, settings, create, digests, user_id, sim_clock):
    settings(user_id, digest_hour=23)
    create(user_id, due="2026-01-01")
    sim_clock.now = utc("2026-01-02T00:10")
    post(world.view, TICK)
    sim_clock.now = utc("2026-01-02T23:00")
    post(world.view, TICK)
    assert days(digests(user_id)) == ["2026-01-01", "2026-01-02"]


def test_ticks_at_once_make_one_each(world, settings, create, digests, sim_clock):
    users = [f"user-{uuid4()}" for _ in range(6)]
    for owner in users:
        settings(owner, digest_hour=8)
        create(owner, due="2026-01-02")
    sim_clock.now = utc("2026-01-02T08:00")
    sweep = DigestSweep(world.uow)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sweep.run(), range(4)))
    sweep.run()
    assert [len(digests(owner)) for owner in users] == [1] * len(users)


def test_a_crash_before_commit_loses_and_doubles_nothing(
    world, settings, create, digests, next_at, user_id, sim_clock, monkeypatch
):
    settings(user_id, digest_hour=8)
    create(user_id, due="2026-01-02")
    sim_clock.now = utc("2026-01-02T08:00")

    def die(_name):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("functions.notifications.digests.failpoint", die)
        with pytest.raises(KeyboardInterrupt):
            DigestSweep(world.uow).run()
    assert (digests(user_id), next_at(user_id)) == ([], utc("2026-01-02T08:00"))
    post(world.view, TICK)
    assert days(digests(user_id)) == ["2026-01-02"]


def test_one_users_failure_does_not_stop_the_others(world, settings, create, digests, rows, sim_clock):
    first, second = f"a-{uuid4()}", f"b-{uuid4()}"
    for owner in (first, second):
        settings(owner, digest_hour=8)
        create(owner, due="2026-01-02")
    rows("update accounts set timezone = 'No/Where' where user_id = %s", first)
    sim_clock.now = utc("2026-01-02T08:00")
    assert post(world.view, TICK).status_code == 204
    assert (len(digests(first)), len(digests(second))) == (0, 1)
    rows("update accounts set timezone = 'UTC' where user_id = %s", first)
    post(world.view, TICK)
    assert len(digests(first)) == 1


def test_users_whose_digests_fail_fill_no_page(
    world, settings, create, digests, rows, sim_clock, monkeypatch
):
    """More of them than a page holds, all of them in front: the tick goes on behind them."""
    monkeypatch.setattr("functions.notifications.digests.USERS", 2)
    failing, last = [f"a{n}-{uuid4()}" for n in range(5)], f"b-{uuid4()}"
    for owner in (*failing, last):
        settings(owner, digest_hour=8)
        create(owner, due="2026-01-02")
    rows("update accounts set timezone = 'No/Where' where user_id = any(%s)", failing)
    sim_clock.now = utc("2026-01-02T08:00")
    assert post(world.view, TICK).status_code == 204
    assert [len(digests(owner)) for owner in (*failing, last)] == [0] * 5 + [1]


def test_a_year_of_local_days_has_one_each(world, settings, create, digests, next_at, user_id, sim_clock):
    """Over both changes of the clock, at the hour that does not exist and that comes twice."""
    settings(user_id, timezone="America/New_York", digest_hour=1)
    create(user_id, due="2026-01-01")
    sweep = DigestSweep(world.uow)
    for start in ("2026-03-06T12:00", "2026-10-30T12:00"):
        sim_clock.now = utc(start)
        sweep.run()
        known = len(digests(user_id))
        for _ in range(4 * 48):
            sim_clock.advance(minutes=30)
            sweep.run()
        found = [datetime.fromisoformat(day) for day in days(digests(user_id))[known:]]
        assert found == [found[0] + timedelta(days=n) for n in range(4)]


def test_a_move_within_the_day_does_not_bring_the_same_day_again(
    world, settings, create, digests, user_id, sim_clock
):
    settings(user_id, timezone="Europe/London", digest_hour=8)
    create(user_id, due="2026-01-02")
    sim_clock.now = utc("2026-01-02T08:00")
    post(world.view, TICK)
    settings(user_id, timezone="America/New_York")  # where 08:00 of the same day is still to come
    sim_clock.now = utc("2026-01-02T13:00")
    post(world.view, TICK)
    assert days(digests(user_id)) == ["2026-01-02"]


def test_the_inbox_shows_it(world, settings, create, user_id, sim_clock):
    from functions.tasks.notifications.view import render
    from shared.db.repositories.notifications import Notifications

    settings(user_id, digest_hour=8)
    create(user_id, due="2026-01-02")
    sim_clock.now = utc("2026-01-02T08:00")
    post(world.view, TICK)
    with world.api.read(user_id) as tx:
        [shown] = [render(n) for n in Notifications(tx).newest(unread=True, before=None, limit=5)]
    assert (shown["event"], shown["task_id"], shown["title"]) == ("digest", None, "1 due today, 0 overdue")
