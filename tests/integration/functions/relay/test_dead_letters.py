"""Dead letters as a KafkaSource brings them: recorded whole, with the reason, whatever they are."""

import base64
import json

import pytest

from functions.relay.dead_letters import DeadLetterDesk
from shared.db.store import failures
from shared.db.uow import UnitOfWork
from shared.messaging.cloudevent import CloudEvent
from shared.messaging.encoding import header_value
from shared.runtime.event import function
from shared.testing.deliveries import CAUSE, as_cloudevent, post, post_raw

PROBLEM = json.dumps({"title": "Unprocessable Content", "code": "invalid_event_data", "detail": "data.x"})


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def relay(uow):
    return DeadLetterDesk(uow("relay", source="/taskflow/relay")).guard(function("relay"))


@pytest.fixture
def letters(rows):
    columns = "consumer, ce_source, ce_id, user_id, type, topic, status, code, detail, event"

    def of(user_id):
        return rows(f"select {columns} from event_failures where user_id = %s order by consumer", user_id)

    return of


def test_a_dead_letter_is_recorded_with_its_reason(relay, letters, task_event, user_id):
    event = task_event(user_id, changes={"title": {"from": "a", "to": "b"}})
    letter = as_cloudevent(
        event,
        knativeerrordest="http://audit.todo-app.svc.cluster.local",
        knativeerrorcode="422",
        knativeerrordata=encoded(PROBLEM),
        errorclass="permanent",
        function="audit",
    )
    assert [post(relay, letter).status_code for _ in range(2)] == [204, 204]
    [(consumer, source, id_, owner, type_, topic, status, code, detail, stored)] = letters(user_id)
    assert (consumer, source, id_) == ("audit", "/taskflow/tasks", str(event.event_id))
    assert (owner, type_, topic) == (user_id, event.type, "task-events-dlq")
    assert (status, code, detail) == (422, "invalid_event_data", PROBLEM)
    assert stored["data"]["changes"] == {"title": {"from": "a", "to": "b"}}
    assert (stored["id"], stored["knativeerrorcode"]) == (str(event.event_id), "422")


def test_one_event_that_failed_at_two_consumers_is_two_letters(relay, letters, task_event, user_id):
    event = task_event(user_id)
    post(relay, event, function="audit")
    post(relay, event, knativeerrordest="http://notifications.todo-app.svc.cluster.local/x")
    assert [row[0] for row in letters(user_id)] == ["audit", "notifications"]


def test_a_connection_failure_has_no_status(relay, letters, task_event, user_id):
    post(relay, task_event(user_id), knativeerrordest="http://audit.todo-app")
    assert letters(user_id)[0][6:9] == (None, None, None)


def test_it_replaces_the_consumers_own_verdict(relay, letters, uow, task_event, user_id):
    event = task_event(user_id)
    with uow("consumer").record(user_id, CAUSE) as tx:
        failures.record_failure(
            tx,
            consumer="audit",
            source="/taskflow/tasks",
            id=str(event.event_id),
            type=event.type,
            status=422,
        )
    post(relay, event, function="audit", knativeerrorcode="422", errorclass="permanent")
    [row] = letters(user_id)
    assert row[5:8] == ("task-events-dlq", 422, "permanent")


def test_an_event_of_nobody_is_recorded_under_nobody(relay, rows):
    wrapped = CloudEvent(
        id="partition:0/offset:9/test",
        source="/apis/v1/namespaces/todo-app/kafkasources/x#task-events",
        type="dev.knative.kafka.event",
        data={"anything": 1},
        extensions={"knativeerrordest": "http://audit.todo-app"},
    )
    assert post(relay, wrapped).status_code == 204
    found = rows("select user_id, topic, consumer from event_failures where ce_id = %s", wrapped.id)
    assert found == [("", None, "audit")]


def test_a_claim_to_be_two_users_is_recorded_under_nobody(relay, rows, task_event, user_id):
    event = task_event(user_id)
    assert post(relay, event, partitionkey="somebody-else").status_code == 204
    found = rows("select user_id from event_failures where ce_id = %s", str(event.event_id))
    assert found == [("",)]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"no event at all"),
        ({"ce-id": "1", "ce-type": "t", "Content-Type": "application/json"}, b"{}"),
        (
            {
                "ce-id": "1",
                "ce-source": "/s",
                "ce-type": "t",
                "ce-specversion": "1.0",
                "ce-function": "audit",
            },
            b"\xff\x00 not json",
        ),
        ({"Content-Type": "application/cloudevents+json"}, b"{"),
    ],
)
def test_what_cannot_be_decoded_is_recorded_too(relay, rows, headers, body):
    before = rows("select count(*) from event_failures where type = 'unknown'")[0][0]
    sent = {"Content-Type": "application/json", **headers}
    assert [post_raw(relay, sent, body).status_code for _ in range(2)] == [204, 204]
    found = rows("select user_id, code, event from event_failures where type = 'unknown'")
    mine = [event for owner, code, event in found if (owner, code) == ("", "undecodable")]
    assert base64.b64encode(body).decode() in {event["body_base64"] for event in mine}
    assert rows("select count(*) from event_failures where type = 'unknown'")[0][0] == before + 1


EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
LONG = "".join(chr(0x4E00 + n * 7 % 20_000) for n in range(1000))  # compresses badly


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (EVENT | {"ce-id": header_value(LONG), "ce-source": header_value(LONG)}, b"{}"),
        (EVENT | {"ce-type": header_value(LONG)}, b"{}"),
        (EVENT, b'{"text": "nul \\u0000 in it"}'),
        (EVENT, b'{"user_id": "nul \\u0000 in it"}'),
        (EVENT, json.dumps({"user_id": "x" * 100_000}).encode()),
        (EVENT, b'{"text": "a lone \\ud800 surrogate"}'),
        (EVENT, b'{"number": 1e999999, "other": 123456789012345678901234567890}'),
        (EVENT, b"[" * 5000 + b"]" * 5000),
        (EVENT | {"ce-time": "yesterday"}, b"{}"),
        (EVENT | {"ce-id": "%00"}, b"{}"),
        (EVENT | {"ce-knativeerrorcode": "\u0664\u0662\u0662".encode().decode("latin-1")}, b"{}"),
        (EVENT | {"ce-knativeerrordata": encoded(json.dumps({"code": "x" * 900}))}, b"{}"),
        (EVENT | {"ce-errorclass": "y" * 1000}, b"{}"),
        (EVENT | {"ce-specversion": "0.3"}, b"{}"),
        (EVENT | {"Content-Type": "text/plain"}, b"plain"),
        (EVENT | {"Content-Type": "application/avro"}, bytes(range(256))),
        (EVENT, b"x" * 1_048_577),
        (EVENT, b"x" * 5_000_000),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[]"),
        ({}, b""),
    ],
)
def test_whatever_arrives_is_recorded(relay, rows, headers, body):
    def count():
        return rows("select count(*) from event_failures")[0][0]

    rows("delete from event_failures where user_id = ''")
    before = count()
    sent = {"Content-Type": "application/json", **headers}
    assert [post_raw(relay, sent, body).status_code for _ in range(2)] == [204, 204]
    assert count() == before + 1


def test_what_the_database_refuses_is_kept_as_its_bytes(relay, rows, monkeypatch):
    """Whatever the record of it would break on, also what nobody has thought of yet."""
    monkeypatch.setattr("functions.relay.dead_letters.problem_code", lambda _: "x\0y")
    monkeypatch.setattr("shared.db.repositories.dead_letters.storable", lambda value: value)
    assert (
        post_raw(relay, EVENT | {"ce-id": "kept", "Content-Type": "application/json"}, b"{}").status_code
        == 204
    )
    [(code, event)] = rows(
        "select code, event from event_failures where event -> 'headers' ->> 'ce-id' = 'kept'"
    )
    assert code == "undecodable"
    assert base64.b64decode(event["body_base64"]) == b"{}"


def test_a_database_that_is_away_is_asked_again(no_database, task_event, user_id):
    view = DeadLetterDesk(UnitOfWork(no_database, source="/taskflow/relay")).guard(function("relay"))
    assert post(view, task_event(user_id), function="audit").status_code == 503
    assert post_raw(view, {"Content-Type": "application/json"}, b"nothing").status_code == 503


def test_hostile_extensions_do_not_stop_the_record(relay, letters, task_event, user_id):
    post(
        relay,
        task_event(user_id),
        function="../../etc",
        knativeerrordest="http://[broken",
        knativeerrorcode="99999",
        knativeerrordata="%%% not base64 %%%",
    )
    [row] = letters(user_id)
    assert (row[0], row[6], row[8]) == ("unknown", None, "%%% not base64 %%%")


def test_no_consumer_can_read_the_letters(uow, relay, task_event, user_id):
    import psycopg

    post(relay, task_event(user_id), function="audit")
    for role in ("consumer", "api", "ticker"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), uow(role).read(user_id) as tx:
            tx.execute("select * from event_failures")
