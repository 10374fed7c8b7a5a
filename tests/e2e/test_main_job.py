"""The main job: a user's recurring task, completed; the functions do the rest, woken by CloudEvents."""

import base64
import hashlib
import hmac
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from tests.answers import UPDATES
from tests.e2e.conftest import FUNCTIONS, ROOT, Platform, asked, eventually

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_completing_from_zero_brings_the_next_occurrence_without_a_tick(own_platform, tmp_path: Path):
    for folder in ("knative", "eventing"):
        shutil.copytree(ROOT / folder, tmp_path / "wiring" / folder)
    for tick in (tmp_path / "wiring" / "eventing").glob("tick-*.yaml"):
        tick.unlink()
    platform = own_platform("--manifests", str(tmp_path / "wiring"))
    ada = platform.user("ada")
    task = ada.create(**DAILY)
    eventually(lambda: len(ada.items("/v1/audit")) == 1, what="the creation in the audit log")
    platform.all_to_zero()
    ada.complete(task)
    (following,) = eventually(ada.open_tasks, what="the next occurrence")
    assert following["series_id"] == task["series_id"]
    assert following["occurrence_key"] > task["occurrence_key"]
    assert platform.status()["ticks"] == {}


def test_everything_that_happened_is_in_the_audit_log(platform: Platform):
    bob = platform.user("bob")
    task = bob.create(title="Sign the lease")
    bob.complete(task)

    def history():
        return [e["type"] for e in bob.items(f"/v1/tasks/{task['id']}/history")]

    expected = ["io.taskflow.task.created.v1", "io.taskflow.task.completed.v1"]
    eventually(lambda: sorted(history()) == sorted(expected), what="two audit entries")
    verdict = bob("GET", "/v1/audit/verify").json()
    assert verdict["valid"] is True
    assert verdict["entries"] >= 2


def test_a_reminder_reaches_the_inbox_and_the_webhook_once(platform: Platform, receiver):
    cleo = platform.user("cleo")
    made = cleo("POST", "/v1/webhooks", {"url": receiver.url, "events": ["reminder.due"]})
    assert made.status_code == 201, made.text
    secret = base64.b64decode(made.json()["secret"].removeprefix("whsec_"))
    task = cleo.create(title="Take the cake out", reminders=[{"remind_at": soon(1.5)}])

    def told():
        platform.control("/tick/reminders")
        return cleo.items("/v1/notifications")

    (note,) = eventually(told, what="the notification")
    assert (note["task_id"], note["title"]) == (task["id"], "Take the cake out")
    eventually(lambda: receiver.requests, what="the webhook")
    platform.control("/tick/reminders")
    platform.control("/tick/notifications")
    (headers, body), *others = receiver.requests
    assert others == []
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{digest}" in headers["webhook-signature"].split(" ")
    assert json.loads(body)["type"] == "reminder.due"
    assert cleo.items("/v1/tasks")[0]["reminder_sent"] is True


def test_a_stream_tells_of_changes_while_they_happen(platform: Platform):
    dora = platform.user("dora")
    task = dora.create(title="Call")
    stream = asked(
        "GET",
        f"{platform.url}/v1/stream",
        document=UPDATES,
        headers={"Authorization": f"Bearer {dora.token}", "Host": "updates.todo-app.localhost"},
        stream=True,
    )
    assert stream.status_code == 200
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    dora.complete(task)
    seen: list[str] = []
    for line in stream.iter_lines(decode_unicode=True):
        seen.append(line)
        if line == "event: task.completed" or line.startswith(": heartbeat"):
            break
    stream.close()
    assert "event: task.completed" in seen, seen


def test_a_command_event_does_what_the_call_does(platform: Platform):
    eve = platform.user("eve")
    headers = {
        "Authorization": f"Bearer {eve.token}",
        "ce-specversion": "1.0",
        "ce-id": "one",
        "ce-source": "/test",
        "ce-type": "io.taskflow.task.create.v1",
        "Content-Type": "application/json",
    }
    first = asked("POST", platform.url + "/", headers=headers, json={"title": "By event"})
    again = asked("POST", platform.url + "/", headers=headers, json={"title": "By event"})
    assert first.status_code == again.status_code == 200, first.text
    assert first.headers["ce-type"] == "io.taskflow.task.created.v1"
    assert first.headers["ce-id"] == again.headers["ce-id"]
    assert [t["title"] for t in eve.open_tasks()] == ["By event"]


def test_every_function_is_reached_from_zero(platform: Platform):
    for name in FUNCTIONS:
        platform.control(f"/scale-to-zero/{name}")
        response = requests.get(
            f"http://127.0.0.1:{platform.port + 1}/health/readiness",
            headers={"Host": f"{name}.todo-app.svc.cluster.local"},
            timeout=60,
        )
        assert response.ok, (name, response.text)


def test_a_cluster_local_function_is_not_reached_from_outside(platform: Platform):
    response = asked("POST", platform.url + "/", headers={"Host": "recurrence.todo-app.localhost"}, json={})
    assert response.status_code == 404


def test_one_user_cannot_see_or_touch_anothers_task(platform: Platform):
    fay, mallory = platform.user("fay"), platform.user("mallory")
    task = fay.create(title="Private")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/complete", None),
        ("GET", "/history", None),
    ):
        assert mallory(method, f"/v1/tasks/{task['id']}{path}", body).status_code == 404
    assert fay("GET", f"/v1/tasks/{task['id']}").json() == task
