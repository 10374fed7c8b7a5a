"""The routes of /v1/notifications, the in-app inbox."""

from uuid import UUID

from flask import Response

from functions.tasks.edge.paging import flag, page
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import json_answer
from functions.tasks.notifications.view import render
from shared.db.repositories.notifications import Notifications
from shared.db.uow import UnitOfWork


def register(routes: Routes, uow: UnitOfWork) -> None:
    """Declare the routes of the inbox."""

    @routes.user("GET", "/notifications")
    def list_notifications(caller: Caller) -> Response:
        unread = flag("unread")
        wanted = page(f"notifications:{unread}", parameters=["unread"])
        with uow.read(caller.user_id) as tx:
            found = Notifications(tx).newest(
                unread=unread, before=wanted.instant_and_id(), limit=wanted.limit + 1
            )
        keys = [(n.created_at, n.id) for n in found]
        return json_answer(wanted.answer([render(n) for n in found], keys=keys)).response()

    @routes.user("POST", "/notifications/<uuid:notification_id>/read")
    def read_notification(caller: Caller, notification_id: UUID) -> Response:
        with uow.record(caller.user_id, caller.cause) as tx:  # a read mark is no part of the change feed
            return json_answer(render(Notifications(tx).mark_read(notification_id))).response()
