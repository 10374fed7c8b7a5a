"""Commands as CloudEvents at `POST /`: the same verbs, once for each (user, source, id)."""

import base64
import json

import pytest

from shared.messaging.encoding import header_value
from shared.runtime.publisher import drain

CREATE, UPDATE, COMPLETE, DELETE = (
    f"io.taskflow.task.{name}.v1" for name in ("create", "update", "complete", "delete")
)


def command(api, type_, data, subject=None, id_="e1", **extra):
    headers = {
        "Authorization": f"Bearer {api.token}",
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": id_,
        "ce-source": "/test",
        "ce-type": type_,
    } | extra
    if subject:
        headers["ce-subject"] = subject
    return api.client.post("/", data=json.dumps(data), headers=headers)


def test_commands_do_what_the_calls_do_and_answer_with_the_event(api):
    created = command(api, "io.taskflow.task.create.v1", {"title": "By event"})
    assert created.status_code == 200, created.text
    assert created.headers["ce-type"] == "io.taskflow.task.created.v1"
    (stored,) = api.events("task.created")
    assert created.get_json() == stored
    assert created.headers["ce-id"] == stored["event_id"]
    task_id = created.headers["ce-subject"]
    for i, (name, data) in enumerate({"update": {"priority": "P1"}, "complete": {}, "delete": {}}.items()):
        response = command(api, f"io.taskflow.task.{name}.v1", data, task_id, id_=f"c{i}")
        assert response.status_code == 200, response.text
    repeated = command(api, "io.taskflow.task.create.v1", {"title": "By event"})
    assert repeated.headers["ce-id"] == created.headers["ce-id"]
    assert len(api.events("task.created")) == 1


def test_a_command_without_effect_has_no_content(api):
    task = api.create()
    response = command(api, "io.taskflow.task.update.v1", {"title": task["title"]}, task["id"])
    assert (response.status_code, response.data) == (204, b"")


def test_a_structured_command_is_the_same_command(api):
    event = {
        "specversion": "1.0",
        "id": "s1",
        "source": "/test",
        "type": "io.taskflow.task.create.v1",
        "data": {"title": "Structured"},
    }
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/cloudevents+json"}
    assert api.client.post("/", data=json.dumps(event), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("type_", "data", "subject", "status"),
    [
        ("io.taskflow.task.explode.v1", {}, None, 422),
        ("io.taskflow.task.create.v1", {"title": ""}, None, 422),
        ("io.taskflow.task.create.v1", [], None, 422),
        ("io.taskflow.task.complete.v1", {}, None, 422),
        ("io.taskflow.task.complete.v1", {}, "01890000-0000-7000-8000-000000000000", 404),
    ],
)
def test_a_bad_command_is_refused(api, type_, data, subject, status):
    assert command(api, type_, data, subject).status_code == status


def test_a_command_needs_the_token(api):
    response = command(api, "io.taskflow.task.create.v1", {"title": "x"}, Authorization="Bearer nonsense")
    assert response.status_code == 401


def test_an_id_names_one_command_whatever_else_it_says(api):
    """Its type, its subject and its data decide what it is: none of them may differ in a repeat."""
    one, other = api.create(), api.create()
    assert command(api, UPDATE, {"title": "Renamed"}, one["id"]).status_code == 200
    for type_, data, subject in (
        (COMPLETE, {}, one["id"]),
        (DELETE, {}, one["id"]),
        (UPDATE, {"title": "Renamed"}, other["id"]),
        (UPDATE, {"title": "Renamed again"}, one["id"]),
    ):
        refused = command(api, type_, data, subject)
        assert (refused.status_code, refused.get_json()["code"]) == (422, "idempotency_key_reused"), type_
    assert [api.get(task["id"])["title"] for task in (one, other)] == ["Renamed", other["title"]]
    assert api.get(one["id"])["status"] == "open"


def test_the_same_command_in_another_form_is_a_repeat(api):
    """Trace context, mode, header order, blanks and the order of members are not what is asked for."""
    data = {"title": "Once", "priority": "P1"}
    first = command(api, CREATE, data)
    trace = {"ce-traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ce-tracestate": ""}
    binary = [
        command(api, CREATE, data, **{"ce-traceparent": trace["ce-traceparent"]}),
        command(api, CREATE, dict(reversed(data.items()))),
        command(api, CREATE, data, **{"ce-time": "2026-01-01T00:00:00Z", "ce-partitionkey": "anything"}),
    ]
    event = {"specversion": "1.0", "id": "e1", "source": "/test", "type": CREATE}
    encoded = base64.b64encode(json.dumps(data, indent=3).encode()).decode()
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/cloudevents+json"}
    structured = [
        api.client.post("/", data=json.dumps(event | form), headers=headers)
        for form in ({"data": data}, {"data_base64": encoded, "datacontenttype": "application/json"})
    ]
    for repeat in binary + structured:
        assert (repeat.status_code, repeat.headers.get("Idempotency-Replayed")) == (200, "true"), repeat.text
        assert repeat.headers["ce-id"] == first.headers["ce-id"]
    assert len(api.events("task.created")) == 1


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/json; charset=latin-1"])
def test_data_that_is_not_json_is_refused_and_never_read_as_nothing(api, media):
    task = api.create()
    for type_, data in ((UPDATE, {"title": "Lost"}), (COMPLETE, {"occurrence_key": "another"}), (DELETE, {})):
        refused = command(api, type_, data, task["id"], **{"Content-Type": media})
        assert (refused.status_code, refused.get_json()["code"]) == (415, "unsupported_media_type"), type_
    event = {
        "specversion": "1.0",
        "id": "e2",
        "source": "/test",
        "type": COMPLETE,
        "subject": task["id"],
        "datacontenttype": media,
        "data_base64": base64.b64encode(b'{"occurrence_key": "another"}').decode(),
    }
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/cloudevents+json"}
    assert api.client.post("/", data=json.dumps(event), headers=headers).status_code == 415
    assert api.get(task["id"]) == task


def test_the_answer_has_the_attributes_and_the_data_that_go_on_the_topic(api, uow):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = command(api, CREATE, {"title": "Ünïcode"}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    topic = MemoryTopic()
    drain(uow("api"), topic, api.user_id)
    published = next(r for r in topic.records if r.headers["ce_id"] == answer.headers["ce-id"])
    names = {name for name, _ in answer.headers if name.startswith("ce-")}
    assert names == {name.replace("ce_", "ce-") for name in published.headers if name.startswith("ce_")}
    for name in names:
        assert answer.headers[name] == header_value(published.headers[name.replace("ce-", "ce_")])
    assert answer.headers["ce-traceparent"].startswith(f"00-{trace}-")
    assert answer.headers["ce-dataschema"] == f"/schemas/{answer.headers['ce-type']}.json"
    assert answer.data == published.value


class MemoryTopic:
    """Keeps what it is given."""

    def __init__(self):
        self.records = []

    def publish(self, records, *, timeout):
        self.records += records
        return len(records)

    def close(self, *, timeout):
        pass
