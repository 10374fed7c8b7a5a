"""Events in one transaction with their inbox row: duplicates, races, verdicts, deadlines; real PostgreSQL."""

import json
import threading
import uuid

import flask
import psycopg
import pytest

from shared.db.store import inbox
from shared.db.uow import Cause, UnitOfWork
from shared.domain.errors import Conflict, Invalid, NotFound, RetryLater
from shared.domain.identity import Actor
from shared.events.task import TaskChanged
from shared.runtime import consumer, deadline, event
from shared.runtime.http import discard_body

SOURCE, TYPE = "/taskflow/tasks", "io.taskflow.task.completed.v1"
ENVELOPE = {
    "request_id": "req-1",
    "event_type": TYPE,
    "occurred_at": "2026-01-01T12:00:00Z",
    "actor": {"kind": "user", "id": "u"},
}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class World:
    """One consumer named `example`, and the rows that it leaves."""

    def __init__(self, uow: UnitOfWork, owner: "psycopg.Connection", user_id: str) -> None:
        self._uow, self._owner, self.user_id = uow, owner, user_id
        self.handled: list[object] = []
        self.handler = self.effect
        self._app = flask.Flask("framework")
        self._app.add_url_rule("/", "run", self._run, methods=["POST"])
        self.mode = "write"

    def _run(self) -> flask.Response:
        request = flask.request._get_current_object()
        view = event.consume("example", self.handler, uow=self._uow, mode=self.mode, accepts={TYPE})
        try:
            return event.function("example", on_event=view)(request)
        finally:
            discard_body(request)

    def effect(self, received, tx) -> None:
        self.handled.append(received)
        if self.mode == "write":
            tx.emit(TaskChanged, task_id=received.task_id, task_version=1, change_token=tx.change_seq)

    def deliver(self, id=None, *, headers=None, structured=False, **data):  # noqa: A002  # the attribute's name
        id = id or str(uuid.uuid4())  # noqa: A001  # CloudEvents' name
        good = {"event_id": id, "schema_version": 1, "user_id": self.user_id, **ENVELOPE}
        body = good | {"task_id": str(uuid.uuid4()), "task_version": 1} | data
        attributes = {
            "specversion": "1.0",
            "id": id,
            "source": SOURCE,
            "type": TYPE,
            "partitionkey": self.user_id,
            "schemaversion": str(body["schema_version"]),
            "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
        } | (headers or {})
        client = self._app.test_client()
        if structured:
            content = {"content-type": "application/cloudevents+json"}
            return client.post("/", data=json.dumps(attributes | {"data": body}), headers=content)
        sent = {f"ce-{k}": v for k, v in attributes.items()} | {"content-type": "application/json"}
        return client.post("/", data=json.dumps(body), headers=sent)

    def rows(self, table: str, columns: str) -> list[tuple]:
        return self._owner.execute(
            f"select {columns} from {table} where user_id = %s", (self.user_id,)
        ).fetchall()

    def inbox(self) -> list[tuple]:
        return self.rows("inbox", "consumer, ce_source, ce_id")

    def outbox(self) -> list[tuple]:
        return self.rows("outbox", "type, traceparent")


@pytest.fixture
def e1() -> str:
    """The id of an event that no other test delivers."""
    return str(uuid.uuid4())


@pytest.fixture
def owner(dsns):
    """Sees every row: the superuser, in the migrated database."""
    name = psycopg.conninfo.conninfo_to_dict(dsns["owner"])["dbname"]
    with psycopg.connect(dsns["admin"], dbname=name, autocommit=True) as connection:
        yield connection


@pytest.fixture
def world(database, owner, user_id) -> World:
    return World(UnitOfWork(database("consumer"), source="/taskflow/example"), owner, user_id)


@pytest.mark.parametrize("structured", [False, True])
def test_an_event_has_its_effect_once(world, structured, e1):
    first = world.deliver(e1, structured=structured)
    again = world.deliver(e1, structured=structured)
    assert [(r.status_code, r.data) for r in (first, again)] == [(204, b""), (204, b"")]
    assert len(world.handled) == 1
    assert world.inbox() == [("example", SOURCE, e1)]
    [(kind, trace)] = world.outbox()
    assert kind == TaskChanged.type
    assert trace.startswith(f"00-{TRACE}-")
    assert world.rows("accounts", "change_seq") == [(1,)]  # the duplicate was rolled back entirely


def test_the_same_id_of_another_source_is_another_event(world, e1):
    world.deliver(e1)
    world.deliver(e1, headers={"source": "/taskflow/recurrence"})
    assert len(world.handled) == 2


def test_records_leave_the_change_feed_alone(world, e1):
    world.mode = "record"
    assert world.deliver(e1).status_code == 204
    assert world.rows("accounts", "change_seq") == []
    assert len(world.inbox()) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(RetryLater(), 503), (KeyError("canary"), 500), (Invalid(), 422), (NotFound(), 422), (Conflict(), 422)],
)
def test_a_failing_handler_leaves_nothing_and_may_be_repeated(world, error, status, e1):
    def fail(received, tx):
        world.effect(received, tx)
        raise error

    good, world.handler = world.handler, fail
    response = world.deliver(e1)
    assert response.status_code == status
    assert "canary" not in response.text
    assert (world.inbox(), world.outbox()) == ([], [])
    world.handler = good
    assert world.deliver(e1).status_code == 204
    assert len(world.outbox()) == 1


def test_permanent_verdicts_are_recorded_and_others_are_not(world, e1):
    world.handler = lambda received, tx: (_ for _ in ()).throw(Invalid("No such rule.", code="bad_rule"))
    response = world.deliver(e1)
    assert response.headers["Kne-Errorclass"] == "permanent"
    assert response.headers["Kne-Function"] == "example"
    assert response.content_type == "application/problem+json"
    columns = "consumer, ce_source, ce_id, type, status, code, detail"
    assert world.rows("event_failures", columns) == [
        ("example", SOURCE, e1, TYPE, 422, "bad_rule", "No such rule.")
    ]
    world.handler = lambda received, tx: (_ for _ in ()).throw(RetryLater())
    assert world.deliver().headers["Retry-After"] == "1"
    world.handler = lambda received, tx: (_ for _ in ()).throw(KeyError())
    assert world.deliver().status_code == 500
    assert len(world.rows("event_failures", "ce_id")) == 1


def test_an_event_that_contradicts_itself_is_filed_under_nobody(world, owner):
    id = str(uuid.uuid4())  # noqa: A001  # CloudEvents' name
    assert world.deliver(id, event_id=id, user_id="somebody-else").get_json()["code"] == "user_mismatch"
    found = owner.execute("select user_id, code from event_failures where ce_id = %s", (id,)).fetchall()
    assert found == [("", "user_mismatch")]
    assert world.handled == []


def test_an_unknown_schema_version_is_kept_for_later(world, capsys, e1):
    response = world.deliver(e1, schema_version=2, future=True)
    assert (response.status_code, response.data) == (204, b"")
    assert world.handled == []
    assert world.inbox() == []
    [(consumer, version, kept)] = world.rows("skipped_events", "consumer, schema_version, event")
    assert (consumer, version, kept["data"]["future"], kept["id"]) == ("example", "2", True, e1)
    assert "event_skipped_unknown_version" in capsys.readouterr().err
    assert world.deliver(e1, schema_version=2, future=True).status_code == 204


@pytest.mark.parametrize(
    "headers", [{"type": "io.taskflow.task.created.v1"}, {"type": "dev.knative.kafka.event"}]
)
def test_types_of_others_are_permanent(world, headers):
    assert world.deliver(headers=headers).get_json()["code"] == "unexpected_event_type"


def test_a_handler_that_takes_too_long_changes_nothing(world, monkeypatch, e1):
    monkeypatch.setattr(consumer, "HANDLER_SECONDS", 1.0)

    def slow(received, tx):
        world.effect(received, tx)
        threading.Event().wait(deadline.remaining() + 0.01)

    world.handler = slow
    response = world.deliver(e1)
    assert (response.status_code, response.get_json()["code"]) == (503, "deadline_exceeded")
    assert (world.inbox(), world.outbox()) == ([], [])


def test_a_slow_statement_is_cut_at_the_deadline(world, monkeypatch, e1):
    monkeypatch.setattr(consumer, "HANDLER_SECONDS", 0.5)
    world.handler = lambda received, tx: tx.execute("select pg_sleep(30)")
    response = world.deliver(e1)
    assert (response.status_code, response.get_json()["code"]) == (503, "database_timeout")


def test_an_event_in_progress_is_a_conflict_that_passes(world, database, user_id, e1):
    world.mode = "record"  # in write mode the user's row lock answers first
    other = UnitOfWork(database("consumer"), source="/taskflow/example")
    with other.record(user_id, Cause(Actor("function", "example"))) as tx:
        assert inbox.claim(tx, "example", SOURCE, e1)
        response = world.deliver(e1)
        assert (response.status_code, response.get_json()["code"]) == (409, "event_in_progress")
        assert response.headers["Kne-Errorclass"] == "transient"
    assert world.deliver(e1).status_code == 204
    assert world.handled == []  # the other one had the effect
    assert world.rows("event_failures", "ce_id") == []


def test_a_hundred_concurrent_duplicates_have_one_effect(world, e1):
    statuses: list[int] = []

    def deliver() -> None:
        for _ in range(20):
            status = world.deliver(e1).status_code
            statuses.append(status)
            if status == 204:
                return

    threads = [threading.Thread(target=deliver) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {204, 409, 503}
    assert statuses.count(204) == 20
    assert len(world.outbox()) == 1


def test_without_a_database_everything_is_transient(user_id, owner, database, e1):
    from shared.db.pool import Database

    nowhere = Database("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    world = World(UnitOfWork(nowhere, source="/taskflow/example"), owner, user_id)
    response = world.deliver(e1)
    assert (response.status_code, response.headers["Kne-Errorclass"]) == (503, "transient")
    permanent = world.deliver(
        "e2", event_id="other"
    )  # cannot be recorded either, and is permanent all the same
    assert permanent.status_code == 422
    nowhere.close()


WITHOUT_A_TYPE = """insert into notifications (user_id, id, event_id, event_type, created_at)
  values (%(user)s, gen_random_uuid(), gen_random_uuid(), null, %(now)s)"""
TOO_LONG_FOR_AN_INDEX = """insert into inbox (consumer, ce_source, ce_id, user_id, processed_at)
  select 'c', '/s', string_agg(md5(n::text), ''), %(user)s, %(now)s from generate_series(1, 400) n"""


@pytest.mark.parametrize(
    "statement",
    [
        "select 9223372036854775808::bigint",
        "select 'x'::uuid",
        WITHOUT_A_TYPE,
        TOO_LONG_FOR_AN_INDEX,
    ],
    ids=["22003", "22P02", "23502", "54000"],
)
def test_what_the_database_can_never_store_is_a_verdict_and_recorded(world, statement, e1):
    world.handler = lambda _, tx: tx.execute(statement, {"now": tx.now, "user": tx.user_id})
    response = world.deliver(e1)
    assert (response.status_code, response.headers["Kne-Errorclass"]) == (422, "permanent"), response.text
    assert response.get_json()["code"] == "unstorable_event"
    assert world.rows("event_failures", "ce_id, status, code") == [(e1, 422, "unstorable_event")]
    assert world.inbox() == []


def test_a_body_that_cannot_be_read_is_recorded_under_its_attributes(world, owner, e1):
    headers = {"ce-specversion": "1.0", "ce-id": e1, "ce-source": SOURCE, "ce-type": TYPE}
    response = world._app.test_client().post("/", data=b"{", headers=headers)
    assert (response.status_code, response.get_json()["code"]) == (400, "invalid_json")
    sql = "select user_id, type, status, code from event_failures where ce_id = %s"
    assert owner.execute(sql, (e1,)).fetchall() == [("", TYPE, 400, "invalid_json")]
