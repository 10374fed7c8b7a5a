"""New rules of time: every instant that follows from them is derived again by the relay's tick."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import resources
from io import BytesIO
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from functions.relay.rederivation import Rederivation
from functions.tasks.tasks import verbs
from shared.db.repositories import derived
from shared.domain import local_time, zones
from shared.runtime import deadline
from shared.runtime.event import function, tick
from shared.testing.deliveries import CAUSE, TICK, post

NEW = "2099a"


@pytest.fixture
def relay(uow):
    """The step of the tick, in a process with the tzdata of now."""
    return function("relay", on_tick=tick("relay", Rederivation(uow("relay", source="/taskflow/relay")).run))


@pytest.fixture
def create(uow):
    api = uow("api", source="/taskflow/tasks")

    def make(user_id, **given):
        with api.write(user_id, CAUSE) as tx:
            remind = {"remind_before_minutes": 30} if "due" in given else {}
            return verbs.create(tx, {"title": "Water the plants"} | remind | given)

    return make


@pytest.fixture
def release(monkeypatch):
    """`release()`: this process now has a tzdata in which Vancouver has moved to UTC-6 for good."""

    real = zones.zone

    def change(version=NEW):
        rules = resources.files("tzdata").joinpath("zoneinfo", "Etc", "GMT+6").read_bytes()
        vancouver = ZoneInfo.from_file(BytesIO(rules), key="America/Vancouver")

        def moved(name):
            return vancouver if name == vancouver.key else real(name)

        monkeypatch.setattr(zones, "zone", moved)
        monkeypatch.setattr(zones, "tzdata_version", lambda: version)
        local_time._zone.cache_clear()

    yield change
    local_time._zone.cache_clear()


@pytest.fixture
def task(rows):
    def of(task_id):
        columns = "due_at, due_sort, version, change_seq, updated_at = created_at, reminder_sent"
        return rows(f"select {columns} from tasks where id = %s", task_id)[0]

    return of


@pytest.fixture
def scheduled(rows):
    def of(task_id):
        sql = "select remind_at from reminders where task_id = %s and state = 'scheduled' order by remind_at"
        return [at for (at,) in rows(sql, task_id)]

    return of


@pytest.fixture
def account(rows):
    return lambda user_id: rows("select tzdata, change_seq from accounts where user_id = %s", user_id)[0]


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_account_knows_the_rules_of_its_instants(create, account, user_id):
    create(user_id)
    assert account(user_id)[0] == zones.tzdata_version()


def test_a_change_of_rules_reaches_tasks_reminders_and_clients(
    relay, create, release, task, scheduled, account, rows, user_id
):
    vancouver = {"timezone": "America/Vancouver"}
    zoned = create(user_id, due="2026-11-15T09:00", **vancouver)
    day = create(user_id, due="2026-11-15", **vancouver)
    others = [
        create(user_id, due="2026-11-15T09:00", timezone="Europe/London"),
        create(user_id, due="2026-11-15T09:00Z"),
        create(user_id, due="2026-11-15T09:00"),
    ]
    assert task(zoned.id)[0] == utc("2026-11-15T16:00")
    before = [task(o.id) for o in others]
    known = rows("select count(*) from outbox where user_id = %s", user_id)[0][0]
    release()
    assert post(relay, TICK).status_code == 204
    tzdata, seq = account(user_id)
    assert tzdata == NEW
    assert task(zoned.id) == (utc("2026-11-15T15:00"), utc("2026-11-15T15:00"), 2, seq, True, False)
    assert scheduled(zoned.id) == [utc("2026-11-15T14:30")]
    assert task(day.id)[:4] == (None, utc("2026-11-15T06:00"), 1, seq)
    assert scheduled(day.id) == [utc("2026-11-15T05:30")]
    assert [task(o.id) for o in others] == before
    events = rows(
        "select type, subject, data::jsonb -> 'changes' from outbox where user_id = %s"
        " order by seq, n offset %s",
        user_id,
        known,
    )
    assert [(t.split(".")[-2], s) for t, s, _ in events if s == str(zoned.id)] == [
        ("updated", str(zoned.id)),
        ("changed", str(zoned.id)),
    ]
    assert [(t.split(".")[-2], s) for t, s, _ in events if s != str(zoned.id)] == [("changed", str(day.id))]
    [changes] = [c for _, _, c in events if c]
    assert changes == {"due_at": {"from": "2026-11-15T16:00:00Z", "to": "2026-11-15T15:00:00Z"}}


def test_a_second_tick_finds_nothing(relay, create, release, account, user_id):
    create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    release()
    post(relay, TICK)
    state = account(user_id)
    post(relay, TICK)
    assert account(user_id) == state


def test_tasks_that_are_not_open_are_left_alone(relay, create, release, task, uow, user_id):
    done, gone = (create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver") for _ in range(2))
    with uow("api").write(user_id, CAUSE) as tx:
        verbs.complete(tx, done.id)
        verbs.delete(tx, gone.id)
    release()
    post(relay, TICK)
    assert {task(t.id)[0] for t in (done, gone)} == {utc("2026-11-15T16:00")}


def test_what_was_stored_under_older_rules_is_put_right(relay, create, rows, task, account, user_id):
    """The data of 2025b, as a database has it after an upgrade: real zones, wrong instants."""
    made = create(user_id, due="2026-10-01T09:00", timezone="Africa/Casablanca")
    rows(
        "update tasks set due_at = '2026-10-01T08:00Z', due_sort = '2026-10-01T08:00Z' where id = %s", made.id
    )
    rows("update reminders set remind_at = '2026-10-01T07:30Z' where task_id = %s", made.id)
    rows("update accounts set tzdata = '2025b' where user_id = %s", user_id)
    post(relay, TICK)
    assert task(made.id)[:3] == (utc("2026-10-01T09:00"), utc("2026-10-01T09:00"), 2)
    sql = "select state, remind_at from reminders where task_id = %s order by remind_at"
    assert rows(sql, made.id) == [
        ("cancelled", utc("2026-10-01T07:30")),
        ("scheduled", utc("2026-10-01T08:30")),
    ]
    assert account(user_id)[0] == zones.tzdata_version()


def test_a_reminder_that_the_new_rules_put_into_the_past_is_due_at_once(
    relay, create, release, scheduled, user_id, sim_clock
):
    made = create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    sim_clock.now = utc("2026-11-15T15:00")  # it was due for 15:30, and should have been sent at 14:30
    release()
    post(relay, TICK)
    assert scheduled(made.id) == [utc("2026-11-15T14:30")]


def test_a_reminder_that_went_out_is_not_sent_again(
    relay, create, release, scheduled, task, rows, user_id, sim_clock
):
    made = create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    rows("update reminders set state = 'sent' where task_id = %s", made.id)
    rows("update tasks set reminder_sent = true where id = %s", made.id)
    sim_clock.now = utc("2026-11-15T15:40")
    release()
    post(relay, TICK)
    assert scheduled(made.id) == []
    assert task(made.id)[-1] is True


def test_batches_go_on_where_the_last_tick_ended(
    uow, relay, create, release, task, account, user_id, monkeypatch
):
    due = {"due": "2026-11-15T09:00", "timezone": "America/Vancouver"}
    made = sorted((create(user_id, **due) for _ in range(5)), key=lambda task: task.id)
    monkeypatch.setattr(derived.DerivedInstants.refresh, "__kwdefaults__", {"after": None, "limit": 2})
    monkeypatch.setattr("functions.relay.rederivation.PAGES", 1)
    release()
    seen = []
    for _ in range(3):
        post(relay, TICK)
        seen.append((account(user_id)[0], [task(t.id)[2] for t in made]))
    assert seen == [
        (f"{NEW}>{made[1].id}", [2, 2, 1, 1, 1]),
        (f"{NEW}>{made[3].id}", [2, 2, 2, 2, 1]),
        (NEW, [2, 2, 2, 2, 2]),
    ]


def test_a_crash_before_commit_leaves_the_batch_to_the_next_tick(
    uow, relay, create, release, task, account, user_id, monkeypatch
):
    made = create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    old = account(user_id)
    release()

    def die(_name):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("functions.relay.rederivation.failpoint", die)
        with pytest.raises(KeyboardInterrupt):
            Rederivation(uow("relay")).run()
    assert (account(user_id), task(made.id)[2]) == (old, 1)
    post(relay, TICK)
    assert task(made.id)[2] == 2


def test_ticks_at_once_change_each_task_once(relay, create, release, task):
    users = [f"user-{uuid4()}" for _ in range(6)]
    made = [create(owner, due="2026-11-15T09:00", timezone="America/Vancouver") for owner in users]
    release()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: post(relay, TICK), range(3)))
    post(relay, TICK)
    assert [task(t.id)[2] for t in made] == [2] * len(users)


def test_without_time_it_does_nothing(uow, create, release, account, user_id):
    create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    old = account(user_id)
    release()
    with deadline.within(20):
        Rederivation(uow("relay")).run()
    assert account(user_id) == old


def test_a_writer_with_other_rules_leaves_a_mark(relay, create, release, account, task, user_id):
    """During a roll-out an old process may write after the new relay has been there."""
    first = create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    release("2026a")  # older than the account's
    create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    assert account(user_id)[0] is None
    release()
    post(relay, TICK)
    assert (account(user_id)[0], task(first.id)[0]) == (NEW, utc("2026-11-15T15:00"))


def test_an_older_relay_does_not_undo_a_newer_one(relay, create, release, account, user_id):
    create(user_id, due="2026-11-15T09:00", timezone="America/Vancouver")
    old = account(user_id)
    release("2026a")
    post(relay, TICK)
    assert account(user_id) == old


def test_one_users_failure_does_not_stop_the_others(relay, create, release, account, rows):
    first, second = f"a-{uuid4()}", f"b-{uuid4()}"
    for owner in (first, second):
        create(owner, due="2026-11-15T09:00", timezone="America/Vancouver")
    rows("update tasks set timezone = 'No/Where' where user_id = %s", first)
    old, _ = account(first)
    release()
    assert post(relay, TICK).status_code == 204
    assert (account(first)[0], account(second)[0]) == (old, NEW)
    rows("delete from tasks where user_id = %s", first)


def test_the_next_digest_follows_the_rules(relay, create, release, rows, uow, user_id):
    create(user_id)
    with uow("api").write(user_id, CAUSE) as tx:
        from functions.tasks.account import verbs as account

        account.change(tx, {"timezone": "America/Vancouver", "digest_hour": 8})
    sql = "select next_digest_at from accounts where user_id = %s"
    assert rows(sql, user_id) == [(utc("2026-01-01T16:00"),)]
    release()
    post(relay, TICK)
    assert rows(sql, user_id) == [(utc("2026-01-01T14:00"),)]
