"""`GET /v1/stream` against PostgreSQL: complete, in order, resumable, and of one user only."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from functions.updates import hub, stream
from shared.db.repositories.tasks import Tasks
from shared.db.uow import UnitOfWork
from shared.domain.errors import RetryLater
from shared.domain.identity import uuid7
from shared.domain.task import Task
from shared.events.task import TaskChanged, TaskCompleted, TaskDeleted, TaskUpdated
from shared.messaging.encoding import to_http
from shared.runtime import clock, transport
from shared.testing.deliveries import CAUSE, as_cloudevent
from tests.integration.functions.updates.conftest import ORIGIN


@pytest.fixture
def token(rows):
    def of(user_id):
        return rows("select change_seq from accounts where user_id = %s", user_id)[0][0]

    return of


def data(event):
    return json.loads(event[1])


def test_a_change_arrives_as_an_event(server, add_task, token, user_id):
    client = server.stream(user_id)
    assert client.block() == {"retry": "2000", "id": "0"}
    task = add_task(user_id)
    event = client.event()
    assert event[0] == "task.created"
    assert data(event) == {"id": str(task.id), "version": 1, "change_token": token(user_id)}
    assert client.last_id == str(token(user_id))


def test_each_kind_of_change_has_its_name(server, uow, add_task, user_id):
    client = server.stream(user_id)
    client.block()
    task = add_task(user_id)
    assert client.event()[0] == "task.created"
    unit = uow("api")
    steps = (
        (lambda t, now: t.changed(now, title="x"), TaskUpdated),
        (lambda t, now: t.completed(now), TaskCompleted),
        (lambda t, now: t.changed(now, deleted_at=now), TaskDeleted),
    )
    for version, (step, kind) in enumerate(steps, start=2):
        with unit.write(user_id, CAUSE) as tx:
            after = step(task, tx.now)
            Tasks(tx).change(task, after, kind)
        event = client.event()
        assert (event[0], data(event)["version"]) == (f"task.{kind.type.split('.')[3]}", version)
        task = after


def test_resuming_gives_what_was_missed_once_and_in_order(server, add_task, user_id):
    add_task(user_id)
    client = server.stream(user_id)
    client.block()
    seen = client.last_id
    client.close()
    missed = [str(add_task(user_id, title=f"t{n}").id) for n in range(5)]
    back = server.stream(user_id, Last_Event_ID=seen)
    events = [back.event() for _ in missed]
    assert [data(e)["id"] for e in events] == missed
    tokens = [data(e)["change_token"] for e in events]
    assert tokens == sorted(tokens)
    by_query = server.stream(user_id, query=f"?since={tokens[3]}")
    assert data(by_query.event())["id"] == missed[4]


def test_several_changes_of_a_task_while_away_are_one(server, uow, add_task, token, user_id):
    start = server.stream(user_id)
    start.block()
    task = add_task(user_id)
    with uow("api").write(user_id, CAUSE) as tx:
        Tasks(tx).change(task, task.changed(tx.now, title="x"), TaskUpdated)
    other = add_task(user_id)
    back = server.stream(user_id, Last_Event_ID=start.last_id)
    assert [data(back.event())["id"] for _ in range(2)] == [str(task.id), str(other.id)]
    assert back.last_id == str(token(user_id))


def test_changes_of_one_transaction_are_never_split(server, uow, user_id):
    unit = uow("api", source="/taskflow/tasks")
    with unit.write(user_id, CAUSE) as tx:
        for n in range(700):  # more than one read of the feed
            now = tx.now
            Tasks(tx).add(Task(id=uuid7(now), title=f"t{n}", created_at=now, updated_at=now))
    client = server.stream(user_id, Last_Event_ID="0")
    found = {data(client.event())["id"] for _ in range(699)}
    assert client.last_id == ""  # cut off here, a client would begin again
    found.add(data(client.event())["id"])
    assert len(found) == 700
    assert client.last_id == "1"


def test_a_token_from_before_the_floor_or_from_the_future_resets(server, rows, add_task, token, user_id):
    for _ in range(3):
        add_task(user_id)
    rows("update accounts set feed_floor = 2 where user_id = %s", user_id)
    for wrong in ("1", "4000"):
        client = server.stream(user_id, Last_Event_ID=wrong)
        event = client.event()
        assert (event[0], data(event)) == ("reset", {"change_token": 3})
        assert client.last_id == "3"
    goes_on = server.stream(user_id, Last_Event_ID="2")
    assert goes_on.event()[0] == "task.created"
    task = add_task(user_id)
    assert data(client.event())["id"] == str(task.id)


def test_users_see_their_own_changes_only(server, add_task, user_id):
    other = f"other-{uuid4()}"
    mine, theirs = server.stream(user_id), server.stream(other)
    for client in (mine, theirs):
        client.block()
    for _ in range(3):
        add_task(other)
    task = add_task(user_id)
    assert data(mine.event())["id"] == str(task.id)
    assert [theirs.event()[0] for _ in range(3)] == ["task.created"] * 3


def test_two_windows_of_one_user_both_hear(server, add_task, user_id):
    windows = [server.stream(user_id) for _ in range(3)]
    for window in windows:
        window.block()
    task = add_task(user_id)
    assert {data(window.event())["id"] for window in windows} == {str(task.id)}


def test_thirty_writers_lose_nothing(server, add_task, user_id):
    client = server.stream(user_id)
    client.block()
    seen = set()

    def listen():
        while len(seen) < 60:
            seen.add(data(client.event())["id"])

    listener = threading.Thread(target=listen)
    listener.start()
    with ThreadPoolExecutor(6) as pool:
        made = {str(task.id) for task in pool.map(lambda _: add_task(user_id), range(60))}
    listener.join(20)
    assert seen == made


def test_a_hint_makes_it_read_at_once(serve, add_task, task_event, user_id):
    server = serve(interval=3600.0)
    client = server.stream(user_id)
    client.block()
    task = add_task(user_id)
    headers, body = to_http(as_cloudevent(task_event(user_id, TaskChanged, change_token=1)))
    response, text = server.ask("POST", "/", body, **headers)
    assert (response.status, text) == (204, b"")
    assert data(client.event())["id"] == str(task.id)


def test_a_hint_for_nobody_reads_nothing(server, task_event, user_id):
    headers, body = to_http(as_cloudevent(task_event(user_id, TaskChanged, change_token=1)))
    assert server.ask("POST", "/", body, **headers)[0].status == 204
    assert server.reads == []


def test_a_hint_of_a_later_schema_is_a_hint(server, task_event, user_id):
    event = as_cloudevent(task_event(user_id, TaskChanged, change_token=1))
    headers, body = to_http(event)
    newer = body.replace(b'"schema_version":1', b'"schema_version":2')
    response, _ = server.ask("POST", "/", newer, **{**headers, "ce-schemaversion": "2"})
    assert response.status == 204


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"ce-type": "io.taskflow.task.created.v1"}, 422),
        ({"ce-id": ""}, 400),
        ({"ce-partitionkey": "other"}, 422),
    ],
)
def test_what_is_no_hint_gets_a_permanent_verdict(server, task_event, user_id, change, status):
    headers, body = to_http(as_cloudevent(task_event(user_id, TaskChanged, change_token=1)))
    response, _ = server.ask("POST", "/", body, **{**headers, **change})
    assert response.status == status
    assert (response.headers["Kne-Errorclass"], response.headers["Kne-Function"]) == ("permanent", "updates")


def test_a_body_that_never_ends_is_refused(server):
    response, _ = server.ask("POST", "/", b"x" * 100_000, Content_Type="application/json")
    assert response.status == 422


def test_heartbeats_keep_the_connection_alive(serve, user_id):
    client = serve(heartbeat=0.05, seconds=0.5).stream(user_id)
    while client.block() is not None:
        pass  # the last one says that the time is over
    assert client.comments.count(": heartbeat") >= 2


def test_a_stream_ends_itself_in_time_and_cleanly(serve, add_task, user_id):
    server = serve(seconds=0.3)
    client = server.stream(user_id)
    client.block()
    event = client.event()
    assert (event[0], data(event)) == ("end", {"reason": "time_limit"})
    assert client.event() is None  # the last chunk of the chunked body arrived
    task = add_task(user_id)
    assert data(server.stream(user_id, Last_Event_ID=client.last_id).event())["id"] == str(task.id)


def test_the_reader_stops_when_everybody_has_left(server, user_id):
    client = server.stream(user_id)
    client.block()
    client.close()
    pause = threading.Event()
    for _ in range(100):
        count = len(server.reads)
        pause.wait(0.15)
        if len(server.reads) == count:
            return
    pytest.fail("the feed is still being read")


def test_all_streams_are_read_in_one_transaction(serve, user_id):
    server = serve(interval=0.2)
    clients = [server.stream(f"{user_id}-{n}") for n in range(20)]
    for client in clients:
        client.block()
    pause = threading.Event()
    pause.wait(0.5)
    assert len(server.reads[-1]) == 20


def test_an_outage_of_the_database_only_delays(server, add_task, user_id, monkeypatch):
    client = server.stream(user_id)
    client.block()
    sweep, failures = UnitOfWork.sweep, []

    def failing(self, **options):
        if len(failures) < 3:
            failures.append(1)
            raise RetryLater("gone")
        return sweep(self, **options)

    monkeypatch.setattr(UnitOfWork, "sweep", failing)
    task = add_task(user_id)
    assert data(client.event())["id"] == str(task.id)
    assert len(failures) == 3


def test_a_stream_whose_start_cannot_be_known_is_refused(server, user_id, monkeypatch):
    """A 200 without the first block would promise changes from a point that nobody knows."""

    def failing(_self, **_options):
        raise RetryLater

    monkeypatch.setattr(UnitOfWork, "sweep", failing)
    monkeypatch.setattr(stream, "START_SECONDS", 0.2)
    bearer = f"Bearer {server.issuer.token(user_id)}"
    response, text = server.ask("GET", "/v1/stream", Authorization=bearer, Origin=ORIGIN)
    assert (response.status, response.headers["Content-Type"]) == (503, "application/problem+json"), text
    assert response.headers["Retry-After"]
    assert response.headers["X-Request-Id"]
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    monkeypatch.undo()
    assert server.stream(user_id).block() is not None


def test_a_stream_ends_with_its_token(server, add_task, user_id):
    """What the token vouched for ends with it; a new token goes on where the old stream stopped."""
    soon = int(clock.now().timestamp()) + 2
    client = server.stream(user_id, exp=soon)
    client.block()
    event = client.event()
    assert (event[0], data(event)) == ("end", {"reason": "token_expired"})
    assert clock.now().timestamp() >= soon
    assert client.event() is None
    task = add_task(user_id)
    assert data(server.stream(user_id, Last_Event_ID=client.last_id).event())["id"] == str(task.id)


def test_one_user_cannot_take_the_streams_of_others(server, add_task, user_id):
    windows = [server.stream(user_id) for _ in range(hub.MAX_USER_STREAMS)]
    bearer = f"Bearer {server.issuer.token(user_id)}"
    response, text = server.ask("GET", "/v1/stream", Authorization=bearer, Origin=ORIGIN)
    assert (response.status, json.loads(text)["code"]) == (429, "limit_exceeded")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] is None
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    other = f"other-{uuid4()}"
    theirs = server.stream(other)
    theirs.block()
    task = add_task(other)
    assert data(theirs.event())["id"] == str(task.id)
    windows[0].close()
    assert until(lambda: opens(server, bearer))  # the server learns of a closed connection a moment later


def test_a_full_process_says_so(server, user_id, monkeypatch):
    monkeypatch.setattr(hub, "MAX_STREAMS", 2)
    for n in range(2):
        server.stream(f"{user_id}-{n}").block()
    bearer = f"Bearer {server.issuer.token(user_id)}"
    response, text = server.ask("GET", "/v1/stream", Authorization=bearer)
    assert (response.status, json.loads(text)["code"]) == (503, "too_many_streams")
    assert response.headers["Retry-After"] == "2"
    assert server.ask("GET", "/health/readiness")[0].status == 204


def opens(server, bearer):
    """Whether there is a place for one more stream, which is then left."""
    connection, response = server.request("GET", "/v1/stream", Authorization=bearer)
    response.close()
    connection.close()
    return response.status == 200


def test_who_reads_nothing_is_let_go_with_all_that_was_kept_for_them(
    server, uow, add_task, user_id, monkeypatch
):
    """The stream ends, and so does its connection, although the client keeps it open and full."""
    monkeypatch.setattr(stream, "SEND_SECONDS", 0.3)
    monkeypatch.setattr(transport, "UNREAD_SECONDS", 1)
    with uow("api", source="/taskflow/tasks").write(user_id, CAUSE) as tx:
        for n in range(2_000):  # far more than sockets hold
            Tasks(tx).add(Task(id=uuid7(tx.now), title=f"t{n}", created_at=tx.now, updated_at=tx.now))
    other = f"other-{uuid4()}"
    lively = server.stream(other)
    lively.block()
    before = len(server.connections)
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", server.port))
        bearer = server.issuer.token(user_id)
        stuck.sendall(
            f"GET /v1/stream?since=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode()
        )
        assert until(lambda: user_id in server.hub._streams)
        task = add_task(other)
        assert data(lively.event())["id"] == str(task.id)
        assert until(lambda: user_id not in server.hub._streams)
        assert until(lambda: len(server.connections) <= before)
        stuck.recv(1)  # it was open all the time


def until(condition):
    """Wait for what the server does by itself."""
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return True
        pause.wait(0.05)
    return False
