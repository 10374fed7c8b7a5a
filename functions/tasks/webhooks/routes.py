"""The routes of /v1/webhooks: parse, one verb of `functions.tasks.webhooks`, answer."""

from typing import Any
from uuid import UUID

from flask import Response, request

from functions.tasks.edge.paging import page
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from functions.tasks.tasks.routes import if_match
from functions.tasks.webhooks.verbs import Shown, Webhooks, render, render_delivery
from shared.db.repositories.deliveries import Deliveries
from shared.db.repositories.webhooks import Webhooks as Endpoints
from shared.db.uow import Transaction
from shared.runtime.http import json_body


def register(routes: Routes, service: Webhooks) -> None:
    """Declare the routes of webhooks."""
    _register_reads(routes, service)
    _register_writes(routes, service, Writes(service.uow))
    _register_deliveries(routes, service, Writes(service.uow))


def _register_reads(routes: Routes, service: Webhooks) -> None:
    @routes.user("GET", "/webhooks")
    def list_webhooks(caller: Caller) -> Response:
        with service.uow.read(caller.user_id) as tx:
            items = [render(Shown(found)) for found in Endpoints(tx).all()]
        return json_answer({"items": items, "next_cursor": None}).response()  # ≤ 20: one page

    @routes.user("GET", "/webhooks/<uuid:webhook_id>")
    def get_webhook(caller: Caller, webhook_id: UUID) -> Response:
        with service.uow.read(caller.user_id) as tx:
            return _answer(Shown(Endpoints(tx).get(webhook_id))).response()


def _register_writes(routes: Routes, service: Webhooks, writes: Writes) -> None:
    @routes.user("POST", "/webhooks")
    def create_webhook(caller: Caller) -> Response:
        given = json_body(request)
        return writes.run(caller, lambda tx: _created(service.create(tx, given)))

    @routes.user("PATCH", "/webhooks/<uuid:webhook_id>")
    def patch_webhook(caller: Caller, webhook_id: UUID) -> Response:
        given, version = json_body(request), if_match()
        return writes.run(caller, lambda tx: _answer(service.patch(tx, webhook_id, given, version=version)))

    @routes.user("DELETE", "/webhooks/<uuid:webhook_id>")
    def delete_webhook(caller: Caller, webhook_id: UUID) -> Response:
        version = if_match()

        def work(tx: Transaction) -> Answer:
            service.delete(tx, webhook_id, version=version)
            return Answer(204)

        return writes.run(caller, work)


def _register_deliveries(routes: Routes, service: Webhooks, writes: Writes) -> None:
    @routes.user("GET", "/webhooks/<uuid:webhook_id>/deliveries")
    def list_deliveries(caller: Caller, webhook_id: UUID) -> Response:
        wanted = page(f"deliveries:{webhook_id}")
        with service.uow.read(caller.user_id) as tx:
            endpoint = Endpoints(tx).get(webhook_id)
            found = Deliveries(tx).of_recipient(
                str(endpoint.id), before=wanted.instant_and_id(), limit=wanted.limit + 1
            )
        items = [render_delivery(delivery) for delivery in found]
        return json_answer(wanted.answer(items, keys=[(d.created_at, d.id) for d in found])).response()

    @routes.user("POST", "/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend")
    def resend_delivery(caller: Caller, webhook_id: UUID, delivery_id: UUID) -> Response:
        def work(tx: Transaction) -> Answer:
            return json_answer(render_delivery(service.resend(tx, webhook_id, delivery_id)), status=202)

        return writes.run(caller, work)


def _created(shown: Shown) -> Answer:
    answer = _answer(shown)
    location = {"Location": f"/v1/webhooks/{shown.webhook.id}"}
    return Answer(201, answer.body, {**answer.headers, **location}, answer.stored)


def _answer(shown: Shown) -> Answer:
    """The secret is in the answer and never in what an idempotent repeat is answered from."""
    etag: dict[str, Any] = {"ETag": f'"{shown.webhook.version}"'}
    answer = json_answer(render(shown), headers=etag)
    if shown.secret is None:
        return answer
    return Answer(answer.status, answer.body, answer.headers, json_answer(render(Shown(shown.webhook))).body)
