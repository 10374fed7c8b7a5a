"""The routes of the user's own audit log and of one task's history."""

from datetime import datetime
from uuid import UUID

from flask import Response

from functions.tasks.audit import checkpoint
from functions.tasks.audit.verbs import check, render, render_check
from functions.tasks.edge import paging
from functions.tasks.edge.parameters import invalid_query, parameters
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import json_answer
from shared.db.repositories.audit import AuditLog
from shared.db.repositories.tasks import Tasks
from shared.db.uow import UnitOfWork
from shared.domain.audit_chain import Head
from shared.runtime.sealing import Sealer

_START = (-1, 0)


def register(routes: Routes, uow: UnitOfWork, sealer: Sealer) -> None:
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
        cursor = parameters("cursor").single("cursor")
        with uow.read(caller.user_id) as tx:
            start, begun = None, tx.now
            if cursor:
                start, begun = _start(sealer, caller, cursor, now=tx.now)
            checked = check(tx, start=start)
        onward = None
        if not checked.finished:
            reached = Head(checked.verdict.entries, checked.verdict.head)
            onward = checkpoint.write(sealer, caller.user_id, reached, begun=begun)
        return json_answer(render_check(checked, next_cursor=onward)).response()

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


def _start(sealer: Sealer, caller: Caller, cursor: str, *, now: datetime) -> tuple[Head, datetime]:
    try:
        return checkpoint.read(sealer, caller.user_id, cursor, now=now)
    except checkpoint.NoCheckpoint as error:
        raise invalid_query("cursor", str(error), code="invalid_cursor") from None
