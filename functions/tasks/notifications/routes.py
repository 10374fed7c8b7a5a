"""The routes of /v1/notifications, the in-app inbox."""

from uuid import UUID

from flask import Response

from functions.tasks.edge import paging
from functions.tasks.edge.parameters import parameters
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import json_answer
from functions.tasks.notifications.view import render
from shared.db.repositories.notifications import Notifications
from shared.db.uow import UnitOfWork


def register(routes: Routes, uow: UnitOfWork) -> None:
    """Declare the routes of the inbox."""

    @routes.user("GET", "/notifications")
    def list_notifications(caller: Caller) -> Response:
        given = parameters("unread", *paging.PARAMETERS)
        unread = given.flag("unread")
        keys = (paging.instant, paging.identifier)
        here = paging.page(f"notifications:{unread}", given, keys=keys)
        with uow.read(caller.user_id) as tx:
            found = Notifications(tx).newest(unread=unread, before=here.after, limit=here.fetch)
        body = here.answer([render(n) for n in found], keys=[(n.created_at, n.id) for n in found])
        return json_answer(body).response()

    @routes.user("POST", "/notifications/<uuid:notification_id>/read")
    def read_notification(caller: Caller, notification_id: UUID) -> Response:
        with uow.record(caller.user_id, caller.cause) as tx:  # a read mark is no part of the change feed
            return json_answer(render(Notifications(tx).mark_read(notification_id))).response()
