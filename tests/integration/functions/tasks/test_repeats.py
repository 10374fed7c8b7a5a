"""An Idempotency-Key while the request that it belongs to is still running."""

import threading
from dataclasses import replace

import pytest

from shared.messaging.cloudevent import CloudEvent
from shared.messaging.encoding import to_http


@pytest.fixture
def blocked(api):
    """`blocked(send, meanwhile)`: both answers; the second comes while the first waits for the account."""

    def run(send, meanwhile):
        first = []
        thread = threading.Thread(target=lambda: first.append(send()))
        with api.owner.transaction():
            api.owner.execute("select 1 from accounts where user_id = %s for update", (api.user_id,))
            thread.start()
            while not _advisory_locks(api.owner):
                assert thread.is_alive()
            second = meanwhile()
        thread.join()
        return first[0], second

    return run


def _advisory_locks(owner):
    """How many idempotency keys this database has reserved (namespace 2 of shared/db/locks.py)."""
    return owner.execute(
        """select count(*) from pg_locks join pg_database d on d.oid = database
           where locktype = 'advisory' and classid = 2 and d.datname = current_database()"""
    ).fetchone()[0]


def command(api, title):
    event = CloudEvent(
        id="e1", source="/tests", type="io.taskflow.task.create.v1", data={"title": title},
        datacontenttype="application/json",
    )  # fmt: skip
    headers, body = to_http(event)
    headers |= {"Authorization": f"Bearer {api.token}"}
    return api.client.post("/", headers=headers, data=body)


@pytest.mark.parametrize("edge", ["http", "command"])
def test_a_repeat_while_the_first_runs_is_refused_at_once_and_later_answered_as_the_first(api, blocked, edge):
    api.create(title="so that the account exists")

    def send():
        mine = replace(api, client=api.client.application.test_client())  # a thread each
        if edge == "command":
            return command(mine, "once")
        return mine("POST", "/v1/tasks", {"title": "once"}, Idempotency_Key="k")

    first, second = blocked(send, send)
    assert second.status_code == 409, second.text
    assert second.get_json()["code"] == "idempotency_in_progress"
    created = 201 if edge == "http" else 200
    assert first.status_code == created, first.text
    third = send()
    assert (third.status_code, third.headers["Idempotency-Replayed"]) == (created, "true")
    assert [t["title"] for t in api.open_tasks()].count("once") == 1
