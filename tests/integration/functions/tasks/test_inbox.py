"""/v1/notifications: the in-app inbox."""

from uuid import uuid4

import pytest

from shared.db.repositories.notifications import Notifications
from shared.db.uow import UnitOfWork
from shared.domain.identity import uuid7
from shared.testing.deliveries import CAUSE


@pytest.fixture
def remind(database, sim_clock):
    uow = UnitOfWork(database("consumer", clock=sim_clock), source="/taskflow/notifications")

    def add(user_id, *titles):
        for title in titles:
            with uow.record(user_id, CAUSE) as tx:
                about = {"event_type": "io.taskflow.reminder.due.v1", "task_id": None, "data": {"due": None}}
                Notifications(tx).add(uuid7(tx.now), title=title, **about)
            sim_clock.advance(seconds=1)

    return add


def titles(response):
    return [item["title"] for item in response.get_json()["items"]]


def test_newest_first_in_pages(api, remind):
    remind(api.user_id, "a", "b", "c")
    first = api("GET", "/v1/notifications?limit=2")
    assert titles(first) == ["c", "b"]
    rest = api("GET", f"/v1/notifications?limit=2&cursor={first.get_json()['next_cursor']}")
    assert (titles(rest), rest.get_json()["next_cursor"]) == (["a"], None)
    [item] = rest.get_json()["items"]
    assert (item["event"], item["read_at"], item["data"]) == ("reminder.due", None, {"due": None})


def test_reading_is_idempotent_and_filters(api, remind, sim_clock):
    remind(api.user_id, "a", "b")
    [_, old] = api("GET", "/v1/notifications").get_json()["items"]
    first = api("POST", f"/v1/notifications/{old['id']}/read").get_json()
    sim_clock.advance(minutes=5)
    assert api("POST", f"/v1/notifications/{old['id']}/read").get_json() == first
    assert first["read_at"] is not None
    assert titles(api("GET", "/v1/notifications?unread=true")) == ["b"]
    assert titles(api("GET", "/v1/notifications?unread=false")) == ["b", "a"]


def test_a_cursor_belongs_to_its_list(api, remind):
    remind(api.user_id, "a", "b")
    cursor = api("GET", "/v1/notifications?limit=1").get_json()["next_cursor"]
    for query in (
        f"unread=true&cursor={cursor}",
        "cursor=x",
        "limit=0",
        "limit=101",
        "limit=x",
        "unread=1",
        "q=1",
    ):
        assert api("GET", f"/v1/notifications?{query}").status_code == 400, query


def test_another_users_messages_are_not_there(api, make_api, remind):
    remind(api.user_id, "a")
    [item] = api("GET", "/v1/notifications").get_json()["items"]
    stranger = make_api(f"stranger-{uuid4()}")
    assert titles(stranger("GET", "/v1/notifications")) == []
    assert stranger("POST", f"/v1/notifications/{item['id']}/read").status_code == 404
    assert api("GET", "/v1/notifications").get_json()["items"] == [item]
