"""Events that keep to their schema and say the most extreme things in it reach the handlers of a user who has
a series, tasks and an endpoint. They are done or refused for good, and what was there stays whole.
"""

import json
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.audit import handler as audit
from functions.notifications import handler as notifications
from functions.recurrence import handler as recurrence
from functions.tasks.audit.verbs import check
from functions.tasks.tasks import verbs
from functions.tasks.webhooks import verbs as webhook_verbs
from functions.tasks.webhooks.policy import Policy
from scripts.contract.examples import example
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import CloudEvent
from shared.messaging.encoding import document, to_http
from shared.runtime.event import consume, function
from shared.runtime.sealing import Sealer
from shared.testing.deliveries import CAUSE, post_raw

CONSUMERS = {
    "audit": (audit.handle, "record", None),
    "notifications": (partial(notifications.handle, notify=lambda _user_id: None), "record", None),
    "recurrence": (recurrence.handle, "write", recurrence.ACCEPTS),
}
DAILY = {
    "title": "Water the plants",
    "due": "2026-06-01T08:00",
    "timezone": "Europe/London",
    "recurrence": {"rrule": "FREQ=DAILY", "mode": "catch_up"},
}
OURS = ("open task", "ended task", "series", "a stranger's task", "a stranger's series")  # replaced by ids
IDS = st.sampled_from([*OURS, str(UUID(int=0)), str(UUID(int=2**128 - 1))]) | st.uuids().map(str)
INSTANTS = st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T10:00:00+23:59",
        "2024-02-29t00:00:00z",
    ]
)
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\u754c" * 1000,
        "x" * 60_000,
        "\u202e\u200b\ufeff",
        "\x01\x1f\x7f\x85",
        "\U0001f469\u200d\U0001f680",
        "%00",
        "'; drop table tasks; --",
    ]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
JSON = st.recursive(
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
DEEP = json.loads("[" * 15 + "]" * 15)
CHANGES = st.dictionaries(
    TEXTS, st.fixed_dictionaries({"from": JSON, "to": JSON | st.just(DEEP)}), max_size=3
)
LISTS = st.lists(st.sampled_from(["in_app", "webhook", ""]) | TEXTS, max_size=4) | st.just(["in_app"] * 5000)
MEMBERS = {
    **dict.fromkeys(("task_id", "series_id", "reminder_id"), IDS),
    **dict.fromkeys(("occurred_at", "completed_at", "remind_at", "due_at"), INSTANTS),
    **dict.fromkeys(("request_id", "title", "due", "timezone", "occurrence_key"), TEXTS),
    **dict.fromkeys(("reason", "resource", "resource_id", "action"), TEXTS),
    **dict.fromkeys(("channels", "missed"), LISTS),
    "task_version": st.sampled_from([1, 2, 2**31 - 1]),
    "change_token": st.sampled_from([-(2**63), 0, 2**63 - 1]),
    "changes": CHANGES,
    "actor": st.fixed_dictionaries(
        {"kind": st.sampled_from(["user", "token", "function", "assistant"]), "id": TEXTS.filter(bool)},
        optional={"odd": JSON},
    ),
    "a field of tomorrow": JSON,
}
FIXED = {"schema_version", "event_type", "event_id", "user_id"}


class World:
    """A user with an open and an ended task of one series, and one endpoint for every event."""

    def __init__(self, uow, rows, user_id):
        self.user_id, self.rows, self.uow = user_id, rows, uow
        self.ids = {}
        for owner, prefix in ((user_id, ""), (f"stranger-{user_id}", "a stranger's ")):
            with uow("api", source="/taskflow/tasks").write(owner, CAUSE) as tx:
                task = verbs.create(tx, DAILY)
            with uow("api", source="/taskflow/tasks").write(owner, CAUSE) as tx:
                ended = verbs.complete(tx, verbs.create(tx, DAILY).id)
            self.ids |= {f"{prefix}task": task.id, f"{prefix}series": ended.series_id}
            self.ids |= {f"{prefix}open task": task.id, f"{prefix}ended task": ended.id}
        policy = Policy(Sealer(Sealer.new_key()), allow_loopback=True)
        with uow("api", source="/taskflow/tasks").write(user_id, CAUSE) as tx:
            webhook_verbs.create(tx, {"url": "http://127.0.0.1:1/", "events": ["*"]}, policy=policy)

    def named(self, value):
        return str(self.ids[value]) if value in self.ids else value

    def target(self, name):
        handle, mode, accepts = CONSUMERS[name]
        uow = self.uow("consumer", source=f"/taskflow/{name}")
        return function(name, on_event=consume(name, handle, uow=uow, mode=mode, accepts=accepts))

    def count(self, table, name, event):
        where = "consumer = %s and ce_source = %s and ce_id = %s"
        return self.rows(f"select count(*) from {table} where {where}", name, event.source, event.id)[0][0]


@pytest.fixture
def world(uow, rows, user_id):
    return World(uow, rows, user_id)


@st.composite
def extremes(draw, types):
    """An event type, and extreme values for some of the members that its events have."""
    event_type = draw(st.sampled_from(types))
    known = [name for name in MEMBERS if name in example(EVENTS[event_type]).data()]
    chosen = draw(st.sets(st.sampled_from([*known, "a field of tomorrow"])))
    return event_type, {name: draw(MEMBERS[name]) for name in sorted(chosen)}


def made(world, event_type, changed):
    data = {**example(EVENTS[event_type]).data(), **changed}
    own = {"event_id": str(uuid4()), "user_id": world.user_id}
    return CloudEvent(
        id=own["event_id"],
        source="/taskflow/tasks",
        type=event_type,
        time=datetime.fromisoformat(data["occurred_at"].upper()),
        datacontenttype="application/json",
        data={name: world.named(v) if isinstance(v, str) else v for name, v in data.items()} | own,
    )


def sent(event, *, structured):
    if not structured:
        return to_http(event)
    return {"content-type": "application/cloudevents+json"}, json.dumps(document(event)).encode()


def assert_done_or_refused(world, name, target, event, *, structured):
    for _ in range(2):  # a second delivery changes nothing
        response = post_raw(target, *sent(event, structured=structured))
        said = (response.status_code, response.get_data(as_text=True)[:300], event)
        assert response.status_code in (204, 422), said
    refused = response.status_code == 422
    assert world.count("event_failures", name, event) == refused, said
    assert world.count("inbox", name, event) == (not refused), said


def test_every_member_of_every_event_has_extremes():
    assert {name for cls in EVENTS.values() for name in example(cls).data()} - FIXED == MEMBERS.keys() - {
        "a field of tomorrow"
    }


@given(extreme=extremes(sorted(EVENTS)), structured=st.booleans())
def test_the_audit_chain_holds_whatever_its_entries_say(world, extreme, structured):
    event = made(world, *extreme)
    assert_done_or_refused(world, "audit", world.target("audit"), event, structured=structured)
    with world.uow("api").read(world.user_id) as tx:
        assert check(tx).verdict.valid


@given(extreme=extremes(sorted(EVENTS)), structured=st.booleans())
def test_an_extreme_event_is_told_once_to_each_recipient(world, extreme, structured):
    event = made(world, *extreme)
    assert_done_or_refused(
        world, "notifications", world.target("notifications"), event, structured=structured
    )
    for table in ("notifications", "deliveries"):
        [(found,)] = world.rows(f"select count(*) from {table} where event_id = %s", event.id)
        assert found <= 1


@given(extreme=extremes(sorted(recurrence.ACCEPTS)), structured=st.booleans())
def test_a_series_never_has_two_open_occurrences(world, extreme, structured):
    event = made(world, *extreme)
    assert_done_or_refused(world, "recurrence", world.target("recurrence"), event, structured=structured)
    opened = """select count(*) from occurrences where outcome = 'open' and user_id like %s
                group by user_id, series_id having count(*) > 1"""
    assert world.rows(opened, f"%{world.user_id}") == []
    strangers = "select count(*) from occurrences where user_id = %s"
    assert world.rows(strangers, f"stranger-{world.user_id}") == [(2,)]
