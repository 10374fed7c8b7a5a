"""Any sequence of calls: the task API against a model, with events delivered to `recurrence` in between.

Every answer is held against docs/openapi.json too (`ContractClient`).
"""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.integration.functions.tasks.model import Model, ModelSeries, ModelTask
from tests.profiles import examples

FIRST = datetime(2026, 1, 3, 9, tzinfo=UTC)  # the clock begins at noon of 2026-01-01
titles = st.sampled_from(("Water the plants", "Ärger", "x", "日本"))
priorities = st.sampled_from(("P1", "P2", "P3", "P4"))
tags = st.sampled_from(((), ("home",), ("Home", "garden")))


class TaskApi(RuleBasedStateMachine):
    """`make` is a fixture: a fresh user's client at the start of every sequence."""

    make = clock = None

    def __init__(self):
        super().__init__()
        self.clock.now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.api = self.make(f"user-{uuid.uuid4()}")
        self.model = Model()
        self.keyed = []

    def pick(self, data, *, of=None):
        tasks = [task for task in reversed(self.model.live()) if of is None or of(task)]
        return data.draw(st.sampled_from(tasks), label="task") if tasks else None

    def answer(self, method, path, body=None, status=200, **headers):
        response = self.api(method, path, body, **headers)
        assert response.status_code == status, (method, path, body, response.status_code, response.text)
        return response

    # --- writes

    @precondition(lambda self: len(self.model.tasks) < 6)  # few, so that much happens to each
    @rule(title=titles, priority=priorities, tags=tags, keyed=st.booleans())
    def create(self, title, priority, tags, keyed):
        body = {"title": title, "priority": priority, "tags": list(tags)}
        headers = {"Idempotency_Key": str(uuid.uuid4())} if keyed else {}
        response = self.answer("POST", "/v1/tasks", body, status=201, **headers)
        if keyed:
            self.keyed.append((self.clock.now, headers, body, response))
        self.model.put(ModelTask(response.get_json()["id"], title, priority, tags))

    @initialize(title=titles, days=st.integers(1, 3))
    def begin(self, title, days):
        self.create_series(title, days)

    @precondition(lambda self: len(self.model.series) < 2)
    @rule(title=titles, days=st.integers(1, 3))
    def another_series(self, title, days):
        self.create_series(title, days)

    def create_series(self, title, days):
        key = max(FIRST, self.clock.now.replace(hour=9) + timedelta(days=1))
        recurrence = {"rrule": f"FREQ=DAILY;INTERVAL={days}"}
        due = {"due": f"{key:%Y-%m-%dT%H:%M}", "timezone": "UTC"}
        body = {"title": title, "recurrence": recurrence, **due}
        made = self.answer("POST", "/v1/tasks", body, status=201).get_json()
        self.model.series[made["series_id"]] = ModelSeries(days)
        self.model.put(ModelTask(made["id"], title, series=made["series_id"], key=key))

    @precondition(lambda self: self.model.live())
    @rule(
        data=st.data(),
        changes=st.fixed_dictionaries({}, optional={"title": titles, "priority": priorities}),
        condition=st.sampled_from(("none", "right", "any", "stale")),
    )
    def patch(self, data, changes, condition):
        task = self.pick(data)
        if task is None:
            return
        versions = {"right": f'"{task.version}"', "any": "*", "stale": f'"{task.version + 7}"'}
        headers = {"If_Match": versions[condition]} if condition in versions else {}
        status = 412 if condition == "stale" else 200
        response = self.answer("PATCH", f"/v1/tasks/{task.id}", changes, status=status, **headers)
        if condition != "stale":
            task = self.model.put(task.changed(**changes))
        assert response.headers["ETag"] == f'"{task.version}"'

    @precondition(lambda self: self.model.live())
    @rule(data=st.data(), verb=st.sampled_from(("complete", "skip")))
    def end(self, data, verb):
        if task := self.pick(data):
            other = {"complete": "skipped", "skip": "done"}[
                verb
            ]  # what has ended otherwise is reopened first
            refused = task.status == other or (verb == "skip" and task.series is None)
            self.answer("POST", f"/v1/tasks/{task.id}/{verb}", status=409 if refused else 200)
            if not refused:
                self.model.end(task, {"complete": "done", "skip": "skipped"}[verb], self.clock.now)

    @precondition(lambda self: self.model.live())
    @rule(data=st.data())
    def end_another_occurrence(self, data):
        """A key that is not the task's is a check that fails: nothing happens."""
        if task := self.pick(data):
            body = {"occurrence_key": "1999-01-01T09:00"}
            self.answer("POST", f"/v1/tasks/{task.id}/complete", body)

    @precondition(lambda self: self.model.live())
    @rule(data=st.data())
    def reopen(self, data):
        task = self.pick(data, of=lambda t: t.series is None or self.model.series[t.series].state == "active")
        if task is None:
            return
        if self.model.may_reopen(task):
            self.answer("POST", f"/v1/tasks/{task.id}/reopen")
            self.model.reopen(task)
        else:
            problem = self.answer("POST", f"/v1/tasks/{task.id}/reopen", status=409).get_json()
            assert problem["code"] == "newer_occurrence_changed"

    @precondition(lambda self: len(self.model.live()) > 1)
    @rule(data=st.data())
    def delete(self, data):
        if task := self.pick(data):
            self.answer("DELETE", f"/v1/tasks/{task.id}", status=204)
            self.answer("DELETE", f"/v1/tasks/{task.id}", status=204)  # twice is once
            self.model.put(task.changed(deleted=True))
            if task.series and task.status == "open":
                self.model.series[task.series].state = "stopped"

    @precondition(lambda self: len(self.model.live()) < len(self.model.tasks))
    @rule(data=st.data())
    def restore(self, data):
        trash = [task for task in self.model.tasks.values() if task.deleted]
        if trash:
            task = data.draw(st.sampled_from(trash), label="deleted")
            self.answer("POST", f"/v1/tasks/{task.id}/restore")
            self.model.put(task.changed(deleted=False))
            if task.series and task.status == "open":
                self.model.series[task.series].state = "active"

    @precondition(lambda self: self.model.live())
    @rule(data=st.data(), minutes=st.integers(1, 60))
    def snooze(self, data, minutes):
        if task := self.pick(data):
            status = 200 if task.status == "open" else 409
            self.answer("POST", f"/v1/tasks/{task.id}/snooze", {"minutes": minutes}, status=status)
            if status == 200:
                self.model.put(replace(task, snoozed=True, version=task.version + 1))

    @precondition(lambda self: self.model.live())
    @rule(data=st.data(), title=titles, days=st.integers(1, 3))
    def edit_series(self, data, title, days):
        """From the open occurrence on: its task and what follows."""
        task = self.pick(data, of=lambda t: t.series is not None and t.status == "open")
        if task is None:
            return
        body = {"title": title, "recurrence": {"rrule": f"FREQ=DAILY;INTERVAL={days}"}}
        self.answer("PATCH", f"/v1/series/{task.series}", body)
        another_rule = self.model.series[task.series].days != days
        self.model.series[task.series].days = days
        if another_rule or title != task.title:  # the task shows its rule, too
            self.model.put(replace(task, title=title, version=task.version + 1))

    @precondition(lambda self: self.keyed)
    @rule(data=st.data(), same=st.booleans())
    def repeat(self, data, same):
        """An Idempotency-Key again: the first answer whatever became of the task, or 422 for another body."""
        at, headers, body, first = data.draw(st.sampled_from(self.keyed), label="request")
        if self.clock.now - at > timedelta(hours=23):
            return
        sent = body if same else {**body, "description": "another"}
        again = self.answer("POST", "/v1/tasks", sent, status=201 if same else 422, **headers)
        if same:
            assert again.get_json() == first.get_json()
            assert again.headers["Idempotency-Replayed"] == "true"

    # --- what happens around the calls

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours):
        self.clock.advance(hours=hours)

    @precondition(lambda self: any(series.ended for series in self.model.series.values()))
    @rule()
    def deliver(self):
        """Everything that `recurrence` is sent, from the beginning: what came before has no effect."""
        self.api.expand()
        self.api.expand()
        expected = self.model.expected_next()
        shown = {(t["series_id"], t["occurrence_key"]): t["id"] for t in self.listed("status=open")}
        for before, task in expected:
            key = (task.series, task.shown()["occurrence_key"])
            assert key in shown, f"no next occurrence {key} among {shown}"
            self.model.put(ModelTask(**vars(task) | {"id": shown[key]}))
            series = self.model.series[task.series]
            series.after[before], series.ended = shown[key], None

    # --- reads

    def listed(self, query):
        return self.answer("GET", f"/v1/tasks?limit=100&{query}").get_json()["items"]

    @rule(priority=priorities, status=st.sampled_from(("open", "done", "skipped")))
    def filter(self, priority, status):
        found = {task["id"] for task in self.listed(f"priority={priority}&status={status}&sort=title,-due")}
        assert found == {t.id for t in self.model.live() if (t.priority, t.status) == (priority, status)}

    @rule(tag=st.sampled_from(("HOME", "garden")))
    def filter_by_tag(self, tag):
        found = {task["id"] for task in self.listed(f"tag={tag}&status=open,done,skipped")}
        wanted = tag.casefold()
        assert found == {t.id for t in self.model.live() if wanted in {x.casefold() for x in t.tags}}

    @invariant()
    def agree(self):
        everything = self.listed("status=open,done,skipped")
        expected = {task.id: self.model.shown(task) for task in self.model.live()}
        compared = self.model.shown(ModelTask("", "")).keys()
        shown = {task["id"]: {name: task[name] for name in compared} for task in everything}
        assert shown.keys() == expected.keys()
        for name, task in expected.items():
            assert shown[name] == task
        opened = [task["series_id"] for task in everything if task["series_id"] and task["status"] == "open"]
        assert len(opened) == len(set(opened)), "two open occurrences of one series"


@pytest.mark.no_cover
def test_any_sequence_of_calls_agrees_with_the_model(make_api, sim_clock):
    machine = type("Machine", (TaskApi,), {"make": staticmethod(make_api), "clock": sim_clock})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(0.5),
            stateful_step_count=30,
            phases=(Phase.generate,),  # thirty steps can be read; making them fewer takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
