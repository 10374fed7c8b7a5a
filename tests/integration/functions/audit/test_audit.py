"""The audit function against PostgreSQL: one chain a user, in order of arrival, whatever races."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from functions.audit.handler import handle
from functions.tasks.audit.verbs import check
from shared.events.account import AccountChanged
from shared.events.task import TaskCompleted
from shared.messaging.cloudevent import CloudEvent
from shared.runtime.event import consume, function
from shared.testing.deliveries import as_cloudevent, post


@pytest.fixture
def audit(uow):
    return function("audit", on_event=consume("audit", handle, uow=uow("consumer"), mode="record"))


@pytest.fixture
def verdict(uow):
    api = uow("api")

    def of(user_id):
        with api.read(user_id) as tx:
            return check(tx).verdict

    return of


def test_events_are_chained_in_order_of_arrival(audit, verdict, rows, task_event, user_id):
    for version in (3, 1, 2):  # an older version is an entry as well
        event = task_event(user_id, task_version=version, changes={"title": {"from": "a", "to": "ü"}})
        assert post(audit, event).status_code == 204
    stored = rows("select seq, task_version from audit_entries where user_id = %s order by seq", user_id)
    assert stored == [(1, 3), (2, 1), (3, 2)]
    found = verdict(user_id)
    assert (found.valid, found.entries) == (True, 3)


def test_an_entry_says_who_what_when_and_in_which_request(audit, rows, task_event, user_id, sim_clock):
    renamed = {"name": {"from": "home", "to": "Haus"}}
    about = {"resource": "tag", "resource_id": "home", "action": "renamed", "changes": renamed}
    event = task_event(user_id, AccountChanged, task_id=None, task_version=None, **about)
    post(audit, event)
    [(text,)] = rows("select entry from audit_entries where user_id = %s", user_id)
    entry = json.loads(text)
    assert entry["actor"] == {"kind": "user", "id": user_id}
    assert (entry["request_id"], entry["seq"], entry["task_id"]) == ("req-1", 1, None)
    assert entry["changes"] == {"name": {"from": "home", "to": "Haus"}}
    assert entry["detail"] == {"resource": "tag", "resource_id": "home", "action": "renamed"}
    assert entry["occurred_at"] == entry["recorded_at"] == sim_clock.now.isoformat().replace("+00:00", "Z")


def test_a_duplicate_is_one_entry(audit, verdict, task_event, user_id):
    event = task_event(user_id)
    assert [post(audit, event).status_code for _ in range(3)] == [204] * 3
    assert verdict(user_id).entries == 1


def test_a_replay_after_the_inbox_forgot_is_still_one_entry(audit, verdict, rows, task_event, user_id):
    event = task_event(user_id)
    post(audit, event)
    rows("delete from inbox where user_id = %s", user_id)
    assert post(audit, event).status_code == 204
    assert verdict(user_id).entries == 1


def test_concurrent_appends_make_one_unbroken_chain(audit, verdict, task_event, user_id):
    events = [task_event(user_id, TaskCompleted, changes={}) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda e: post(audit, e).status_code, events))
        # Under contention an append may have to be delivered again (503), as a KafkaSource would.
        for event, status in zip(events, answers, strict=True):
            assert status == 204 or post(audit, event).status_code == 204
    found = verdict(user_id)
    assert (found.valid, found.entries) == (True, 40)


def test_two_users_have_two_chains(audit, verdict, rows, task_event, user_id):
    other = f"other-{uuid4()}"
    for owner in (user_id, other, user_id):
        post(audit, task_event(owner))
    assert (verdict(user_id).entries, verdict(other).entries) == (2, 1)
    assert rows("select seq from audit_entries where user_id = %s order by 1", user_id) == [(1,), (2,)]


def test_an_event_for_one_user_keyed_as_another_is_refused(audit, verdict, task_event, user_id):
    event = as_cloudevent(task_event(user_id))
    forged = replace(event, extensions={**event.extensions, "partitionkey": "somebody-else"})
    assert post(audit, forged).status_code == 422
    assert verdict(user_id).entries == 0


def test_an_event_of_an_unknown_type_is_refused(audit):
    event = CloudEvent(id="1", source="/x", type="com.example.thing", data={"user_id": "u"})
    assert post(audit, event).status_code == 422


_COPY = """
insert into audit_entries (user_id, seq, event_id, type, occurred_at, recorded_at, entry, hash)
select user_id, {seq}, gen_random_uuid(), type, occurred_at, recorded_at, entry, hash
from audit_entries where user_id = %s and seq = 5"""
_EDITED = (
    "update audit_entries set entry = replace(entry, 'updated', 'deleted') where user_id = %s and seq = 3"
)
_SHIFTED = "update audit_entries set seq = seq - 5 where user_id = %s and seq in (2, 3)"
TAMPERING = [
    (_EDITED, 3),
    ("update audit_entries set task_version = 99 where user_id = %s and seq = 2", 2),
    ("delete from audit_entries where user_id = %s and seq = 4", 4),
    ("delete from audit_entries where user_id = %s and seq >= 4", 4),
    (_COPY.format(seq=6), 6),
    (_COPY.format(seq=0), 1),
    (_SHIFTED, 1),
    ("update audit_heads set hash = sha256('x') where user_id = %s", 5),
]


@pytest.fixture
def five(audit, task_event, user_id):
    for _ in range(5):
        post(audit, task_event(user_id))


@pytest.mark.parametrize(("forge", "broken_at"), TAMPERING)
def test_tampering_is_found_where_it_is(forge, broken_at, verdict, rows, user_id, five):
    assert verdict(user_id).valid
    rows(forge, user_id)
    assert verdict(user_id).broken_at == broken_at


def test_two_swapped_entries_are_found(audit, verdict, rows, task_event, user_id):
    for _ in range(4):
        post(audit, task_event(user_id))
    for old, new in ((2, 100), (3, 2), (100, 3)):
        rows("update audit_entries set seq = %s where user_id = %s and seq = %s", new, user_id, old)
    assert verdict(user_id).broken_at == 2


def test_a_long_chain_is_read_in_batches(uow, audit, task_event, user_id):
    from shared.db.repositories.audit import BEFORE_ALL, AuditLog

    for _ in range(7):
        post(audit, task_event(user_id))
    with uow("api").read(user_id) as tx:
        log = AuditLog(tx)
        assert [entry.seq for entry in log.following(BEFORE_ALL, upto=7, limit=3)] == [1, 2, 3]
        assert [entry.seq for entry in log.following(3, upto=6, limit=10)] == [4, 5, 6]


def test_an_entry_beyond_the_head_stops_the_chain_loudly(audit, rows, task_event, user_id):
    post(audit, task_event(user_id))
    rows("update audit_heads set seq = 0, hash = %s where user_id = %s", bytes(32), user_id)
    assert post(audit, task_event(user_id)).status_code == 500


@pytest.mark.parametrize("wrong", [{"event_id": "no-uuid"}, {"actor": "me"}, {"changes": [1]}])
def test_data_of_a_wrong_shape_is_refused_for_good(audit, verdict, task_event, user_id, wrong):
    event = as_cloudevent(task_event(user_id))
    forged = replace(event, id=wrong.get("event_id", event.id), data={**event.data, **wrong})
    assert post(audit, forged).status_code == 422
    assert verdict(user_id).entries == 0
