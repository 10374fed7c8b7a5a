"""Subtasks come along with the next occurrence of their parent, and go again with it."""

from datetime import UTC, datetime

import pytest

from functions.recurrence import subtasks

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}


def act(api, task, action, status=200, **body):
    response = api("POST", f"/v1/tasks/{task['id']}/{action}", body or None)
    assert response.status_code == status, response.text
    return response.get_json()


def below(api, task):
    return api("GET", f"/v1/tasks?parent_id={task['id']}&sort=created_at").get_json()["items"]


def following(api, task):
    act(api, task, "complete")
    api.expand()
    (found,) = [t for t in api.open_tasks() if t["series_id"] == task["series_id"]]
    return found


def test_the_whole_tree_is_copied_and_open_again(api):
    parent = api.create(**DAILY)
    soil = api.create(
        title="Soil", parent_id=parent["id"], priority="P1", tags=["garden"], description="dry?"
    )
    api.create(title="Bag", parent_id=soil["id"])
    act(api, soil, "complete")
    (copy,) = below(api, following(api, parent))
    carried = ("title", "priority", "tags", "description", "due")
    assert {k: copy[k] for k in carried} == {k: soil[k] for k in carried}
    assert (copy["status"], copy["completed_at"], copy["version"]) == ("open", None, 1)
    assert copy["id"] != soil["id"]
    (deeper,) = below(api, copy)
    assert deeper["title"] == "Bag"
    assert api.get(soil["id"])["status"] == "done"


def test_dues_move_with_the_parent_on_the_wall_clock(api):
    rule = {"rrule": "FREQ=WEEKLY"}
    parent = api.create(due="2026-03-25T08:00", timezone="Europe/London", recurrence=rule)
    zoned = {"due": "2026-03-24T18:00", "timezone": "Europe/London", "remind_before_minutes": 30}
    api.create(title="zoned", parent_id=parent["id"], **zoned)
    api.create(title="day", parent_id=parent["id"], due="2026-03-26")
    api.create(title="none", parent_id=parent["id"])
    api.create(title="floating", parent_id=parent["id"], due="2026-03-25T07:00")
    absolute = [{"remind_at": "2026-03-20T10:00:00Z"}, {"days_before": 1, "at": "09:00"}]
    api.create(title="reminded", parent_id=parent["id"], due="2026-03-26", reminders=absolute)
    copies = {t["title"]: t for t in below(api, following(api, parent))}
    assert {k: v["due"] for k, v in copies.items()} == {
        "zoned": "2026-03-31T18:00",
        "day": "2026-04-02",
        "none": None,
        "floating": "2026-04-01T07:00",
        "reminded": "2026-04-02",
    }
    assert copies["zoned"]["due_at"] == "2026-03-31T17:00:00Z"  # summer time: the wall time stays
    assert copies["zoned"]["reminders"][0]["remind_at"] == "2026-03-31T16:30:00Z"
    (kept,) = copies["reminded"]["reminders"]
    assert kept["days_before"] == 1


def test_days_of_the_parent_move_the_days_of_what_is_below(api):
    parent = api.create(due="2026-06-01", recurrence={"every": "week"})
    api.create(title="day", parent_id=parent["id"], due="2026-05-30")
    api.create(title="time", parent_id=parent["id"], due="2026-05-31T10:00", timezone="Europe/London")
    dues = {t["title"]: t["due"] for t in below(api, following(api, parent))}
    assert dues == {"day": "2026-06-06", "time": "2026-06-07T10:00"}


def test_what_recurs_or_is_in_the_trash_stays(api):
    parent = api.create(**DAILY)
    recurring = api.create(title="own rule", parent_id=parent["id"], **DAILY)
    api.create(title="below it", parent_id=recurring["id"])
    gone = api.create(title="gone", parent_id=parent["id"])
    api("DELETE", f"/v1/tasks/{gone['id']}")
    assert below(api, following(api, parent)) == []


def test_an_event_delivered_again_copies_nothing_more(api):
    parent = api.create(**DAILY)
    api.create(title="child", parent_id=parent["id"])
    second = following(api, parent)
    api.expand()
    assert len(below(api, second)) == 1
    assert len(below(api, following(api, second))) == 1


def test_the_number_of_copies_is_bounded(api, monkeypatch):
    monkeypatch.setattr(subtasks, "MAX_COPIES", 3)
    parent = api.create(**DAILY)
    for position in ("a4", "a1", "a3", "a2"):
        api.create(title=position, parent_id=parent["id"], position=position)
    copies = below(api, following(api, parent))
    assert sorted(t["title"] for t in copies) == ["a1", "a2", "a3"]


def test_reopening_withdraws_untouched_copies(api):
    parent = api.create(**DAILY)
    child = api.create(title="child", parent_id=parent["id"])
    api.create(title="grandchild", parent_id=child["id"])
    second = following(api, parent)
    (copy,) = below(api, second)
    (deeper,) = below(api, copy)
    act(api, parent, "reopen")
    assert {t["title"] for t in api.open_tasks()} == {"Water the plants", "child", "grandchild"}
    gone = {e["task_id"] for e in api.events("task.deleted")}
    assert gone == {second["id"], copy["id"], deeper["id"]}
    assert len(below(api, following(api, parent))) == 1


@pytest.mark.parametrize("touch", ["complete", "patch", "delete", "add", "move in"])
def test_a_touched_copy_keeps_the_next_occurrence(api, sim_clock, touch):
    parent = api.create(**DAILY)
    api.create(title="child", parent_id=parent["id"])
    second = following(api, parent)
    (copy,) = below(api, second)
    if touch == "complete":
        act(api, copy, "complete")
    elif touch == "patch":
        api("PATCH", f"/v1/tasks/{copy['id']}", {"title": "mine"})
    elif touch == "delete":
        api("DELETE", f"/v1/tasks/{copy['id']}")
    elif touch == "add":
        api.create(title="new", parent_id=copy["id"])
    else:
        stray = api.create(title="stray")
        api("PATCH", f"/v1/tasks/{stray['id']}", {"parent_id": second["id"]})
    assert act(api, parent, "reopen", 409)["code"] == "newer_occurrence_changed"
    assert api.get(second["id"])["deleted_at"] is None


def test_a_moved_parent_moves_by_what_it_really_moved(api, sim_clock):
    sim_clock.now = datetime(2026, 5, 1, tzinfo=UTC)
    parent = api.create(**DAILY | {"recurrence": {"every": "week"}})
    api.create(title="child", parent_id=parent["id"], due="2026-06-03T07:00", timezone="Europe/London")
    api("PATCH", f"/v1/tasks/{parent['id']}", {"due": "2026-06-03T08:00"})
    second = following(api, api.get(parent["id"]))
    assert second["due"] == "2026-06-08T08:00"
    (copy,) = below(api, second)
    assert copy["due"] == "2026-06-08T07:00"
