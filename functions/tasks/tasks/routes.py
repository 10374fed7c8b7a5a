"""The routes of /v1/tasks: parse, one verb, answer.

Verbs and bodies are imported by the first request that needs them: they load series, recurrence and
pydantic, which the wake-up of a read must not pay for.
"""

from uuid import UUID

from flask import Response, request

from functions.tasks.edge.conditions import etag, if_match, not_modified
from functions.tasks.edge.paging import next_link, page
from functions.tasks.edge.parameters import parameters
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from functions.tasks.tasks import query
from functions.tasks.tasks.view import render
from shared.db.repositories.accounts import timezone_of
from shared.db.repositories.task_list import TaskList
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction, UnitOfWork
from shared.domain.task import Task
from shared.runtime.http import json_body


def register(routes: Routes, uow: UnitOfWork, writes: Writes) -> None:
    """Declare the routes of tasks."""
    _register_reads(routes, uow)
    _register_writes(routes, writes)
    _register_delete(routes, writes)
    _register_endings(routes, writes)
    _register_undoing(routes, writes)
    _register_snooze(routes, writes)


def _register_reads(routes: Routes, uow: UnitOfWork) -> None:
    @routes.user("GET", "/tasks")
    def list_tasks(caller: Caller) -> Response:
        given = parameters(*query.PARAMETERS)
        wanted = query.parse_query(given)
        here = page(wanted.name, given, keys=wanted.keys)
        with uow.read(caller.user_id) as tx:
            found = TaskList(tx).page(wanted, after=here.after, limit=here.fetch)
            items = render(tx, found[: here.limit], user_zone=timezone_of(tx))
        body = here.answer(items, keys=[task.sort_keys for task in found])
        return json_answer(body, headers=next_link(body["next_cursor"])).response()

    @routes.user("GET", "/tasks/<uuid:task_id>")
    def get_task(caller: Caller, task_id: UUID) -> Response:
        with uow.read(caller.user_id) as tx:
            task = Tasks(tx).get(task_id, deleted=True)
            if not_modified(task.version):
                return Response(status=304, headers={"ETag": etag(task.version)})
            return _shown(task, tx, timezone_of(tx)).response()


def _register_writes(routes: Routes, writes: Writes) -> None:
    @routes.user("POST", "/tasks")
    def create_task(caller: Caller) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.tasks import bodies, verbs

        given = parse(bodies.TaskCreate, json_body(request))
        return writes.run(caller, lambda tx: _created(verbs.create(tx, given), tx))

    @routes.user("PATCH", "/tasks/<uuid:task_id>")
    def patch_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.tasks import bodies, verbs

        given, versions = parse(bodies.TaskPatch, json_body(request)), if_match()
        return writes.run(caller, lambda tx: _answer(verbs.patch(tx, task_id, given, versions=versions), tx))


def _register_delete(routes: Routes, writes: Writes) -> None:
    @routes.user("DELETE", "/tasks/<uuid:task_id>")
    def delete_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.tasks import verbs

        versions = if_match()

        def work(tx: Transaction) -> Answer:
            verbs.delete(tx, task_id, versions=versions)
            return Answer(204)

        return writes.run(caller, work)


def _register_endings(routes: Routes, writes: Writes) -> None:
    @routes.user("POST", "/tasks/<uuid:task_id>/complete")
    def complete_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.tasks import bodies, verbs

        given, versions = parse(bodies.OccurrenceAction, json_body(request, optional=True)), if_match()
        return writes.run(
            caller, lambda tx: _answer(verbs.complete(tx, task_id, versions=versions, **given), tx)
        )

    @routes.user("POST", "/tasks/<uuid:task_id>/skip")
    def skip_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.tasks import bodies, verbs

        given, versions = parse(bodies.SkipAction, json_body(request, optional=True)), if_match()
        return writes.run(caller, lambda tx: _answer(verbs.skip(tx, task_id, versions=versions, **given), tx))


def _register_undoing(routes: Routes, writes: Writes) -> None:
    @routes.user("POST", "/tasks/<uuid:task_id>/reopen")
    def reopen_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.edge.bodies import Empty, parse
        from functions.tasks.tasks import verbs

        parse(Empty, json_body(request, optional=True))
        versions = if_match()
        return writes.run(caller, lambda tx: _answer(verbs.reopen(tx, task_id, versions=versions), tx))

    @routes.user("POST", "/tasks/<uuid:task_id>/restore")
    def restore_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.edge.bodies import Empty, parse
        from functions.tasks.tasks import verbs

        parse(Empty, json_body(request, optional=True))
        versions = if_match()
        return writes.run(caller, lambda tx: _answer(verbs.restore(tx, task_id, versions=versions), tx))


def _register_snooze(routes: Routes, writes: Writes) -> None:
    @routes.user("POST", "/tasks/<uuid:task_id>/snooze")
    def snooze_task(caller: Caller, task_id: UUID) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.tasks import bodies
        from functions.tasks.tasks.snooze import snooze

        given, versions = parse(bodies.Snooze, json_body(request)), if_match()
        return writes.run(caller, lambda tx: _answer(snooze(tx, task_id, versions=versions, **given), tx))


def _created(task: Task, tx: Transaction) -> Answer:
    answer = _answer(task, tx)
    return Answer(201, answer.body, {**answer.headers, "Location": f"/v1/tasks/{task.id}"})


def _answer(task: Task, tx: Transaction) -> Answer:
    return _shown(task, tx, tx.account.timezone)


def _shown(task: Task, tx: Transaction, user_zone: str) -> Answer:
    return json_answer(render(tx, [task], user_zone=user_zone)[0], headers={"ETag": etag(task.version)})
