"""The routes of /v1/tasks: parse, one verb of `service`, answer."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, request

from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from functions.tasks.tasks.query import encode_cursor, parse_query
from functions.tasks.tasks.view import render
from shared.db.repositories.accounts import timezone_of
from shared.db.repositories.task_list import TaskList
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction, UnitOfWork
from shared.domain.errors import FieldError, Invalid
from shared.domain.task import Task
from shared.runtime.http import json_body

_ETAG = re.compile(r'"(\d{1,10})"')
Action = Callable[..., Task]
ACTIONS = ("complete", "skip", "reopen", "restore")  # verbs of `service`
BODIES = {"complete": "OccurrenceAction", "skip": "SkipAction"}  # what may be said beside the id


def register(routes: Routes, uow: UnitOfWork, writes: Writes) -> None:
    """Declare the routes of tasks."""
    _register_reads(routes, uow)
    _register_writes(routes, writes)
    for name in ACTIONS:
        _register_action(routes, writes, name)
    _register_snooze(routes, writes)


def _register_reads(routes: Routes, uow: UnitOfWork) -> None:
    @routes.user("GET", "/tasks")
    def list_tasks(caller: Caller) -> Response:
        query = parse_query(request.args.to_dict(flat=False))
        with uow.read(caller.user_id) as tx:
            page = TaskList(tx).page(query)
            items = render(tx, page.tasks, user_zone=timezone_of(tx))
        cursor = encode_cursor(query, page.next_keys)
        links = {"Link": _next_link(cursor)} if cursor else {}
        return json_answer({"items": items, "next_cursor": cursor}, headers=links).response()

    @routes.user("GET", "/tasks/<uuid:task_id>")
    def get_task(caller: Caller, task_id: UUID) -> Response:
        with uow.read(caller.user_id) as tx:
            task = Tasks(tx).get(task_id, deleted=True)
            if _matches(task):
                return Response(status=304, headers={"ETag": f'"{task.version}"'})
            return _task_answer(task, tx, timezone_of(tx)).response()


def _register_writes(routes: Routes, writes: Writes) -> None:
    @routes.user("POST", "/tasks")
    def create_task(caller: Caller) -> Response:
        from functions.tasks.tasks import verbs  # with series and recurrence: not in the wake-up of a read

        given = parse_named("TaskCreate", json_body(request))
        return writes.run(caller, lambda tx: _created(verbs.create(tx, given), tx))

    @routes.user("PATCH", "/tasks/<uuid:task_id>")
    def patch_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.tasks import verbs

        given = parse_named("TaskPatch", json_body(request))
        version = if_match()
        return writes.run(caller, lambda tx: _answer(verbs.patch(tx, task_id, given, version=version), tx))

    @routes.user("DELETE", "/tasks/<uuid:task_id>")
    def delete_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.tasks import verbs

        version = if_match()

        def work(tx: Transaction) -> Answer:
            verbs.delete(tx, task_id, version=version)
            return Answer(204)

        return writes.run(caller, work)


def _register_action(routes: Routes, writes: Writes, name: str) -> None:
    model = BODIES.get(name, "Empty")

    def act(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.tasks import verbs

        verb: Action = getattr(verbs, name)
        given = parse_named(model, json_body(request, optional=True))
        version = if_match()
        return writes.run(caller, lambda tx: _answer(verb(tx, task_id, version=version, **given), tx))

    act.__name__ = f"{name}_task"
    routes.user("POST", f"/tasks/<uuid:task_id>/{name}")(act)


def _register_snooze(routes: Routes, writes: Writes) -> None:
    @routes.user("POST", "/tasks/<uuid:task_id>/snooze")
    def snooze_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.tasks.snooze import snooze

        given = parse_named("Snooze", json_body(request))
        version = if_match()
        return writes.run(caller, lambda tx: _answer(snooze(tx, task_id, version=version, **given), tx))


def parse_named(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """`body` by a model of `bodies`, which is loaded on the first use."""
    from functions.tasks.tasks import bodies  # pydantic: not before the first body

    return bodies.parse(getattr(bodies, model), body)


def if_match() -> int | None:
    """The version that `If-Match` asks for; None for no condition."""
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        return None
    match = _ETAG.fullmatch(header)
    if match is None:
        raise Invalid(
            errors=[FieldError("If-Match", "invalid_etag", 'use the ETag of the task, such as "3"')]
        )
    return int(match[1])


def _matches(task: Task) -> bool:
    given = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    return f'"{task.version}"' in given or given == ["*"]


def _created(task: Task, tx: Transaction) -> Answer:
    answer = _answer(task, tx)
    return Answer(201, answer.body, {**answer.headers, "Location": f"/v1/tasks/{task.id}"})


def _answer(task: Task, tx: Transaction) -> Answer:
    return _task_answer(task, tx, tx.account.timezone)


def _task_answer(task: Task, tx: Transaction, user_zone: str) -> Answer:
    return json_answer(render(tx, [task], user_zone=user_zone)[0], headers={"ETag": f'"{task.version}"'})


def _next_link(cursor: str) -> str:
    from urllib.parse import urlencode

    parameters = [(k, v) for k, values in request.args.lists() if k != "cursor" for v in values]
    return f'<{request.path}?{urlencode([*parameters, ("cursor", cursor)])}>; rel="next"'
