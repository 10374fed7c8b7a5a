"""The routes of the user's own audit log and of one task's history."""

from uuid import UUID

from flask import Response

from functions.tasks.audit.verbs import check, render
from functions.tasks.edge import paging
from functions.tasks.edge.parameters import parameters
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import json_answer
from shared.db.repositories.audit import AuditLog
from shared.db.repositories.tasks import Tasks
from shared.db.uow import UnitOfWork

_START = (-1, 0)
_VERIFY_SECONDS = 10.0  # for each statement; the role's own limit is made for short requests


def register(routes: Routes, uow: UnitOfWork) -> None:
    """Declare the routes of the audit log."""

    @routes.user("GET", "/audit")
    def list_audit(caller: Caller) -> Response:
        here = paging.page("audit", parameters(*paging.PARAMETERS), keys=(paging.number,))
        (before,) = here.after or (None,)
        with uow.read(caller.user_id) as tx:
            found = AuditLog(tx).newest(before=before, limit=here.fetch)
        items = [render(link) for link in found]
        return json_answer(here.answer(items, keys=[(link.seq,) for link in found])).response()

    @routes.user("GET", "/audit/verify")
    def verify_audit(caller: Caller) -> Response:
        with uow.read(caller.user_id, timeout=_VERIFY_SECONDS) as tx:
            verdict = check(tx)
        body = {"valid": verdict.valid, "entries": verdict.entries, "head": verdict.head.hex()}
        return json_answer({**body, "broken_at": verdict.broken_at}).response()

    @routes.user("GET", "/tasks/<uuid:task_id>/history")
    def task_history(caller: Caller, task_id: UUID) -> Response:
        keys = (paging.number, paging.number)
        here = paging.page(f"history:{task_id}", parameters(*paging.PARAMETERS), keys=keys)
        version, seq = here.after or _START
        with uow.read(caller.user_id) as tx:
            found = AuditLog(tx).of_task(task_id, after=(version, seq), limit=here.fetch)
            if not found and here.after is None:
                Tasks(tx).get(task_id, deleted=True)  # no such task, or nothing about it has arrived yet
        items = [render(link) for link in found]
        last = [(link.task_version or 0, link.seq) for link in found]
        return json_answer(here.answer(items, keys=last)).response()
