"""Whatever a sender writes, each event function gives a verdict: never 5xx while the database is well, and
what is refused is recorded.
"""

import asyncio
import json
from functools import partial
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from functions.audit import handler as audit
from functions.notifications import handler as notifications
from functions.recurrence import handler as recurrence
from functions.relay.dead_letters import DeadLetterDesk
from functions.updates.app import Updates
from shared.domain.errors import AppError
from shared.events.catalog import EVENTS
from shared.messaging.cloudevent import from_http
from shared.messaging.encoding import cloudevent_of, document, header_value, to_http
from shared.runtime.event import consume, function
from shared.testing.deliveries import post_raw
from tests.profiles import ANY, examples

CONSUMERS = {
    "audit": (audit.handle, "record", None),
    "notifications": (partial(notifications.handle, notify=lambda _user_id: None), "record", None),
    "recurrence": (recurrence.handle, "write", recurrence.ACCEPTS),
}
CJK = "\u754c" * 1000
ODD_TEXTS = ["", "\x00", "a\x00b", "\ud800", CJK, "x" * 3000, "not-a-uuid", "{" + "0" * 32 + "}", "0" * 32]
TIMES = ["", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00Z", "infinity"]
NUMBERS = [-(2**63), -1, 0, 2**31, 2**62, 2**63 - 1, 2**63, 10**30, 1e308, 1.5, True]
_odd = (
    st.sampled_from(
        [*ODD_TEXTS, *TIMES, *NUMBERS, None, [], {}, [None], {"a": 1}, {"kind": "user", "id": CJK}]
    )
    | st.text(ANY, max_size=20)
    | st.integers()
)
_json = st.recursive(
    _odd, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(ANY, max_size=5), inner)
)
_attribute = st.sampled_from(
    ["id", "source", "subject", "time", "partitionkey", "schemaversion", "traceparent"]
)
_hostile = st.fixed_dictionaries(
    {
        "attributes": st.dictionaries(
            _attribute, st.sampled_from([*ODD_TEXTS, *TIMES]) | st.text(ANY, max_size=20)
        ),
        "members": st.dictionaries(st.sampled_from(range(24)), _json, max_size=3),
        "same_id": st.booleans(),
    }
)


@pytest.fixture
def targets(uow):
    made = {
        name: function(name, on_event=consume(name, handle, uow=uow("consumer"), mode=mode, accepts=accepts))
        for name, (handle, mode, accepts) in CONSUMERS.items()
    }
    desk = DeadLetterDesk(uow("relay", source="/taskflow/relay"))
    return made | {"relay": desk.guard(function("relay"))}


def encoded(event, attributes, members, *, same_id=True):
    """The request of `event` with some attributes and members replaced by what `json` can write."""
    headers, _ = to_http(cloudevent_of(event, source=f"/hostile/{uuid4()}", traceparent=None))
    for name, value in attributes.items():
        headers[f"ce-{name}"] = header_value(
            value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        )
    data = event.data() | {"field_of_tomorrow": None}
    names = list(data)
    for place, value in members.items():
        data[names[place] if isinstance(place, int) and place < len(names) else str(place)] = value
    if "id" in attributes and same_id:
        data["event_id"] = attributes["id"]
    return headers, json.dumps(data).encode()


def readable(headers, body):
    """The event, or what its attributes say; a structured event that cannot be decoded says nothing."""
    try:
        structured = headers["content-type"] == "application/cloudevents+json"
        return from_http(headers, body if structured else b"")
    except AppError:
        return None


def assert_verdict(name, target, rows, headers, body):
    response = post_raw(target, headers, body)
    assert response.status_code < 500, (name, response.get_data(as_text=True), headers, body[:500])
    if name == "relay":
        assert response.status_code == 204
    elif response.status_code >= 400:
        assert response.headers["Kne-Errorclass"] == "permanent"
        event = readable(headers, body)
        if event is not None:
            sql = "select count(*) from event_failures where consumer = %s and ce_source = %s and ce_id = %s"
            assert rows(sql, name, event.source, event.id) == [(1,)], (headers, body[:500])
    return response


@pytest.mark.parametrize("name", [*CONSUMERS, "relay"])
@given(event_type=st.sampled_from(sorted(EVENTS)), hostile=_hostile)
@settings(max_examples=examples(1.5))
def test_arbitrary_events_get_a_verdict(name, targets, rows, make_event, user_id, event_type, hostile):
    event = make_event(EVENTS[event_type], user_id)
    headers, body = encoded(event, hostile["attributes"], hostile["members"], same_id=hostile["same_id"])
    assert_verdict(name, targets[name], rows, headers, body)


_document = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["specversion", "id", "source", "type", "subject", "time", "dataschema"], _json),
        **dict.fromkeys(["datacontenttype", "partitionkey", "schemaversion", "traceparent"], _json),
        "data": _json,
        "data_base64": _json | st.sampled_from(["", "e30=", "e30", "/w==", "bnVsbA=="]),
        "Upper-Case": _json,
        "x" * 65: _json,
        "": _json,
    },
)


@pytest.mark.parametrize("name", [*CONSUMERS, "relay"])
@given(event_type=st.sampled_from(sorted(EVENTS)), changed=_document, dropped=st.booleans())
def test_arbitrary_documents_get_a_verdict(
    name, targets, rows, make_event, user_id, event_type, changed, dropped
):
    made = cloudevent_of(make_event(EVENTS[event_type], user_id), source=f"/{uuid4()}", traceparent=None)
    whole = {} if dropped else document(made)
    headers = {"content-type": "application/cloudevents+json"}
    assert_verdict(name, targets[name], rows, headers, json.dumps(whole | changed).encode())


CASES = {
    "an id of 1,000 CJK characters": ({"id": CJK}, {}),
    "an id that is no UUID": ({"id": "x"}, {}),
    "a version of 2^62": ({}, {"task_version": 2**62}),
    "a version of 2^63": ({}, {"task_version": 2**63}),
    "a task that is no UUID": ({}, {"task_id": "x"}),
    "a series that is no UUID": ({}, {"series_id": "x"}),
    "a series that is a number": ({}, {"series_id": 5}),
    "an early time": ({"time": TIMES[1]}, {}),
    "a late time": ({"time": TIMES[2]}, {}),
    "NUL in the data": ({}, {"title": "a\x00b"}),
    "a lone surrogate": ({}, {"title": "\ud800"}),
    "channels that are a number": ({}, {"channels": 5}),
    "changes that are a list": ({}, {"changes": [1]}),
    "an actor that is a text": ({}, {"actor": "user"}),
    "a request that is an object": ({}, {"request_id": {}}),
    "a user of 300 CJK characters": ({"partitionkey": "\u754c" * 300}, {"user_id": "\u754c" * 300}),
    "a body over the limit": ({}, {"title": "x" * 1_100_000}),
}
WHICH = {"audit": "io.taskflow.task.completed.v1", "recurrence": "io.taskflow.series.changed.v1"}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [*CONSUMERS, "relay"])
def test_what_a_sender_can_write_is_never_our_fault(name, case, targets, rows, make_event, user_id):
    event = make_event(EVENTS[WHICH.get(name, "io.taskflow.reminder.due.v1")], user_id)
    attributes, members = CASES[case]
    headers, body = encoded(event, attributes, members)
    assert_verdict(name, targets[name], rows, headers, body)


@given(event_type=st.sampled_from(sorted(EVENTS)), hostile=_hostile)
@settings(max_examples=examples(1.5))
def test_hints_get_a_verdict(make_event, user_id, event_type, hostile):
    event = make_event(EVENTS[event_type], user_id)
    headers, body = encoded(event, hostile["attributes"], hostile["members"], same_id=hostile["same_id"])
    hinted = []
    updates = Updates(SimpleNamespace(hint=hinted.append), lambda token: None)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    response = asyncio.run(updates.respond(Request(scope, receive)))
    assert response.status_code < 500, response.body
    assert (response.status_code == 204) == bool(hinted)
