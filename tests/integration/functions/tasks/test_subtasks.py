"""Subtasks end, go and come back with their parent, each with its own event: decision 0016."""

import psycopg
import pytest

from shared.domain.task import MAX_DEPTH, MAX_SUBTREE

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}
MISSING = "01890000-0000-7000-8000-000000000000"


def act(api, task, action, status=200, **body):
    response = api("POST", f"/v1/tasks/{task['id']}/{action}", body or None)
    assert response.status_code == status, response.text
    return response.get_json()


def trash(api, task):
    assert api("DELETE", f"/v1/tasks/{task['id']}").status_code == 204


def move(api, task, parent):
    return api("PATCH", f"/v1/tasks/{task['id']}", {"parent_id": parent["id"]})


def status(api, *tasks):
    return [api.get(task["id"])["status"] for task in tasks]


def deleted(api, *tasks):
    return [api.get(task["id"])["deleted_at"] is not None for task in tasks]


@pytest.fixture
def api(make_api, user_id, sim_clock):
    """As everywhere, but every transaction has an instant of its own, as the database gives it."""
    made = make_api(user_id)

    class Ticking(type(made)):
        def __call__(self, *args, **options):
            sim_clock.advance(seconds=1)
            return super().__call__(*args, **options)

    return Ticking(**vars(made))


@pytest.fixture
def tree(api):
    """root ▸ done (finished before) ▸ leaf; root ▸ own (recurs) ▸ inner."""
    root = api.create(title="root")
    done = api.create(title="done", parent_id=root["id"])
    leaf = api.create(title="leaf", parent_id=done["id"], due="2026-06-01T08:00", remind_before_minutes=5)
    own = api.create(title="own", parent_id=root["id"], **DAILY)
    inner = api.create(title="inner", parent_id=own["id"])
    # Finished by itself, without its leaf: as a client that knows nothing of subtrees would have left it.
    act(api, done, "complete")
    act(api, leaf, "reopen")
    return {"root": root, "done": done, "leaf": leaf, "own": own, "inner": inner}


def test_open_subtasks_end_with_their_parent_and_open_again_with_it(api, tree):
    everybody = tree.values()
    assert status(api, *everybody) == ["open", "done", "open", "open", "open"]
    ended = act(api, tree["root"], "complete")
    assert status(api, *everybody) == ["done", "done", "done", "open", "open"]
    leaf = api.get(tree["leaf"]["id"])
    assert leaf["completed_at"] == ended["completed_at"]
    assert {r["state"] for r in leaf["reminders"]} == {"cancelled"}
    act(api, tree["root"], "reopen")
    assert status(api, *everybody) == ["open", "done", "open", "open", "open"]
    assert {r["state"] for r in api.get(tree["leaf"]["id"])["reminders"]} == {"scheduled"}
    for name in ("completed", "reopened"):
        assert [e["task_id"] for e in api.events(f"task.{name}")][-2:] == [
            tree["root"]["id"],
            tree["leaf"]["id"],
        ]


def test_what_is_below_a_skipped_occurrence_is_skipped_with_it(api):
    parent = api.create(**DAILY)
    child = api.create(title="child", parent_id=parent["id"])
    act(api, parent, "skip")
    assert status(api, parent, child) == ["skipped", "skipped"]
    api.expand()
    assert [t["title"] for t in api.open_tasks()] == ["Water the plants", "child"]
    act(api, parent, "reopen")
    assert status(api, parent, child) == ["open", "open"]
    assert sorted(t["id"] for t in api.open_tasks()) == sorted([parent["id"], child["id"]])


def test_a_completion_of_another_occurrence_touches_no_subtask(api):
    parent = api.create(**DAILY)
    child = api.create(title="child", parent_id=parent["id"])
    act(api, parent, "complete", occurrence_key="2020-01-01T08:00")
    assert status(api, parent, child) == ["open", "open"]


def test_everything_below_goes_to_the_trash_and_comes_back(api, tree):
    before = [api.get(task["id"]) for task in tree.values()]
    gone_before = api.create(title="gone before", parent_id=tree["root"]["id"])
    trash(api, gone_before)
    trash(api, tree["root"])
    assert deleted(api, *tree.values()) == [True] * 5
    series = f"/v1/series/{tree['own']['series_id']}"
    assert api("GET", series).get_json()["state"] == "stopped"
    assert {e["task_id"] for e in api.events("task.deleted")[1:]} == {t["id"] for t in tree.values()}
    act(api, tree["root"], "restore")
    assert deleted(api, *tree.values(), gone_before) == [False] * 5 + [True]
    assert api("GET", series).get_json()["state"] == "active"
    for was in before:
        now = api.get(was["id"])
        assert {k for k in was if was[k] != now[k]} <= {"version", "updated_at", "series_state"}
    assert {e["task_id"] for e in api.events("task.restored")} == {t["id"] for t in tree.values()}


def test_a_subtask_does_not_come_back_without_its_parent(api, tree):
    trash(api, tree["root"])
    assert act(api, tree["leaf"], "restore", 409)["code"] == "parent_in_trash"
    api.owner.execute("delete from tasks where id = any(%s)", ([tree["root"]["id"], tree["done"]["id"]],))
    assert act(api, tree["leaf"], "restore")["parent_id"] is None


def test_the_place_of_a_task_is_checked_with_what_is_below_it(api):
    chain = [api.create()]
    for _ in range(MAX_DEPTH - 2):
        chain.append(api.create(parent_id=chain[-1]["id"]))
    pair = api.create()
    api.create(parent_id=pair["id"])
    refused = move(api, pair, chain[-1])
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (422, "too_deep")
    assert move(api, pair, chain[-2]).status_code == 200
    single = api.create()
    assert move(api, single, chain[-1]).status_code == 200
    assert api("POST", "/v1/tasks", {"title": "x", "parent_id": single["id"]}).status_code == 422


def test_a_parent_must_be_there_and_not_below(api, tree):
    for parent, code in ((tree["root"], "parent_cycle"), (tree["leaf"], "parent_cycle")):
        refused = move(api, tree["root"], parent)
        assert (refused.status_code, refused.get_json()["code"]) == (409, code)
    gone = api.create()
    trash(api, gone)
    for parent in (gone, {"id": MISSING}):
        refused = move(api, tree["root"], parent)
        assert refused.get_json()["errors"][0] | {"message": ""} == {
            "field": "parent_id", "code": "unknown_parent", "message": "",
        }  # fmt: skip


def test_a_tree_has_room_for_so_many(api, user_id):
    root, stray = api.create(title="root"), api.create(title="stray")
    fill(api, user_id, root, MAX_SUBTREE - 1)
    assert move(api, stray, root).status_code == 200
    refused = api("POST", "/v1/tasks", {"title": "x", "parent_id": stray["id"]})
    assert (refused.status_code, refused.get_json()["code"]) == (429, "limit_exceeded")
    assert "Retry-After" not in refused.headers
    assert move(api, stray, root).status_code == 200  # it is there already
    other = api.create(title="other")
    api.create(title="comes along", parent_id=other["id"])
    assert move(api, other, root).status_code == 429


def test_a_full_tree_is_copied_ended_and_withdrawn_as_a_whole(api, user_id):
    parent = api.create(**DAILY)
    fill(api, user_id, parent, MAX_SUBTREE)
    act(api, parent, "complete")
    assert count(api, user_id, "status = 'done'") == MAX_SUBTREE + 1
    api.expand()
    assert count(api, user_id, "status = 'open' and written is not null") == MAX_SUBTREE + 1
    act(api, parent, "reopen")
    assert count(api, user_id, "status = 'open' and deleted_at is null") == MAX_SUBTREE + 1
    trash(api, parent)
    assert count(api, user_id, "deleted_at is null") == 0
    outbox = api.owner.execute("select count(*) from outbox where user_id = %s", (user_id,)).fetchone()[0]
    assert outbox > 8 * MAX_SUBTREE  # an event and a hint for each task in each of four steps


def fill(api, user_id, parent, number):
    """`number` tasks below `parent`, made at once."""
    with psycopg.ClientCursor(api.owner) as cursor:
        cursor.execute(
            """insert into tasks (user_id, id, title, title_folded, status, priority, position, parent_id,
                 due_sort, change_seq, last_change, created_at, updated_at)
               select user_id, gen_random_uuid(), 'n' || n, 'n' || n, 'open', 4, 'a' || n, id,
                 'infinity', change_seq, 'created', created_at, updated_at
               from tasks, generate_series(1, %s) n where user_id = %s and id = %s""",
            (number, user_id, parent["id"]),
        )


def count(api, user_id, condition):
    found = api.owner.execute(f"select count(*) from tasks where user_id = %s and {condition}", (user_id,))
    return found.fetchone()[0]
