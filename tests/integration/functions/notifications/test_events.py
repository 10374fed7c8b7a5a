"""What an event turns into: rows, once for each recipient, for the right user."""

import json
from functools import partial
from uuid import uuid4

import pytest

from functions.notifications.handler import handle
from functions.tasks.webhooks import verbs as webhook_verbs
from shared.domain.identity import uuid7
from shared.events.reminder import ReminderDue
from shared.events.task import TaskCompleted, TaskUpdated
from shared.runtime.event import consume, function
from shared.testing.deliveries import post


@pytest.fixture
def reminder(task_event, sim_clock):
    def make(user_id, channels=("in_app", "webhook")):
        return task_event(
            user_id,
            ReminderDue,
            reminder_id=uuid7(sim_clock.now),
            remind_at=sim_clock.now,
            title="Water the plants",
            due="2026-01-01",
            due_at=None,
            channels=channels,
        )

    return make


@pytest.fixture
def inbox(rows):
    return lambda user_id: rows(
        "select title, event_type, data from notifications where user_id = %s", user_id
    )


def test_a_due_reminder_is_one_message_in_the_inbox(write_only, inbox, rows, reminder, user_id):
    event = reminder(user_id)
    assert [post(write_only, event).status_code for _ in range(3)] == [204] * 3
    [(title, event_type, data)] = inbox(user_id)
    assert (title, event_type) == ("Water the plants", ReminderDue.type)
    assert data == {
        "reminder_id": str(event.reminder_id),
        "remind_at": "2026-01-01T12:00:00Z",
        "due": "2026-01-01",
        "due_at": None,
    }
    rows("delete from inbox where user_id = %s", user_id)
    post(write_only, event)
    assert len(inbox(user_id)) == 1


def test_the_channels_of_a_reminder_are_honoured(
    world, write_only, inbox, deliveries, reminder, user_id, receiver
):
    world.endpoint(user_id, receiver.url, "reminder.due")
    post(write_only, reminder(user_id, channels=("in_app",)))
    assert (len(inbox(user_id)), len(deliveries(user_id))) == (1, 0)
    post(write_only, reminder(user_id, channels=("webhook",)))
    assert (len(inbox(user_id)), len(deliveries(user_id))) == (1, 1)


def test_every_matching_endpoint_gets_a_delivery(world, write_only, rows, task_event, user_id, receiver):
    wanted = {
        str(world.endpoint(user_id, receiver.url, "task.*").webhook.id),
        str(world.endpoint(user_id, receiver.url, "task.completed", "series.ended").webhook.id),
    }
    world.endpoint(user_id, receiver.url, "reminder.due")
    event = task_event(
        user_id, TaskCompleted, changes={"status": {"from": "open", "to": "done"}}, webhooks=True
    )
    for _ in range(2):
        post(write_only, event)
    stored = rows("select recipient, payload, event_id from deliveries where user_id = %s", user_id)
    assert {recipient for recipient, *_ in stored} == wanted
    assert len(stored) == 2
    body = json.loads(stored[0][1])
    assert (body["type"], body["timestamp"]) == ("task.completed", "2026-01-01T12:00:00Z")
    assert body["data"]["event_id"] == str(stored[0][2]) == str(event.event_id)
    assert body["data"]["changes"] == {"status": {"from": "open", "to": "done"}}


def test_a_disabled_endpoint_gets_none(world, write_only, deliveries, task_event, user_id, receiver):
    endpoint = world.endpoint(user_id, receiver.url)
    with world.api.write(user_id, _cause()) as tx:
        webhook_verbs.patch(tx, endpoint.webhook.id, {"state": "disabled"}, policy=world.policy)
    post(write_only, task_event(user_id, webhooks=True))
    assert deliveries(user_id) == []


def test_another_users_endpoint_gets_none(world, write_only, deliveries, task_event, user_id, receiver):
    other = f"other-{uuid4()}"
    world.endpoint(other, receiver.url, "*")
    post(write_only, task_event(user_id, TaskUpdated, webhooks=True))
    assert (deliveries(user_id), deliveries(other)) == ([], [])
    post(write_only, task_event(other, TaskUpdated, webhooks=True))
    assert len(deliveries(other)) == 1


def test_hints_are_refused(write_only, task_event, user_id):
    from shared.events.task import TaskChanged

    assert post(write_only, task_event(user_id, TaskChanged, change_token=3)).status_code in (204, 422)


def _cause():
    from shared.testing.deliveries import CAUSE

    return CAUSE


def test_the_sender_is_told_after_the_commit_and_only_of_what_can_be_sent(
    world, task_event, deliveries, user_id, receiver, monkeypatch
):
    told = []

    def notify(user):
        told.append((user, len(deliveries(user))))  # another connection: it sees what is committed

    handler = partial(handle, notify=notify)
    view = function("notifications", on_event=consume("notifications", handler, uow=world.uow, mode="record"))
    event = task_event(user_id, webhooks=True)
    post(view, event)  # nobody asks for it
    world.endpoint(user_id, receiver.url)
    failing = task_event(user_id, webhooks=True)
    with monkeypatch.context() as patched:
        patched.setattr("shared.runtime.event.deadline.remaining", lambda: 0.0)  # too late: rolled back
        assert post(view, failing).status_code == 503
    assert told == []
    for _ in range(2):
        assert post(view, failing).status_code == 204
    assert told == [(user_id, 1)]
