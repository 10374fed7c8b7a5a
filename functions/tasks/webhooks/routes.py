"""The routes of /v1/webhooks: parse, one verb, answer."""

from uuid import UUID

from flask import Response, request

from functions.tasks.edge import paging
from functions.tasks.edge.conditions import etag, if_match
from functions.tasks.edge.parameters import parameters
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from functions.tasks.webhooks import verbs
from functions.tasks.webhooks.policy import Policy
from functions.tasks.webhooks.verbs import Shown
from functions.tasks.webhooks.view import render, render_delivery
from shared.db.repositories.deliveries import Deliveries
from shared.db.repositories.webhooks import Webhooks
from shared.db.uow import Transaction, UnitOfWork
from shared.runtime.http import json_body


def register(routes: Routes, uow: UnitOfWork, writes: Writes, policy: Policy) -> None:
    """Declare the routes of webhooks."""
    _register_reads(routes, uow)
    _register_writes(routes, writes, policy)
    _register_delete(routes, writes)
    _register_deliveries(routes, uow, writes)


def _register_reads(routes: Routes, uow: UnitOfWork) -> None:
    @routes.user("GET", "/webhooks")
    def list_webhooks(caller: Caller) -> Response:
        parameters()
        with uow.read(caller.user_id) as tx:
            items = [render(Shown(found)) for found in Webhooks(tx).all()]
        return json_answer({"items": items, "next_cursor": None}).response()  # ≤ 20: one page

    @routes.user("GET", "/webhooks/<uuid:webhook_id>")
    def get_webhook(caller: Caller, webhook_id: UUID) -> Response:
        with uow.read(caller.user_id) as tx:
            return _answer(Shown(Webhooks(tx).get(webhook_id))).response()


def _register_writes(routes: Routes, writes: Writes, policy: Policy) -> None:
    @routes.user("POST", "/webhooks")
    def create_webhook(caller: Caller) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.webhooks.bodies import WebhookCreate

        given = parse(WebhookCreate, json_body(request))
        return writes.run(caller, lambda tx: _created(verbs.create(tx, given, policy=policy)))

    @routes.user("PATCH", "/webhooks/<uuid:webhook_id>")
    def patch_webhook(caller: Caller, webhook_id: UUID) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.webhooks.bodies import WebhookPatch

        given, versions = parse(WebhookPatch, json_body(request)), if_match()

        def work(tx: Transaction) -> Answer:
            return _answer(verbs.patch(tx, webhook_id, given, policy=policy, versions=versions))

        return writes.run(caller, work)


def _register_delete(routes: Routes, writes: Writes) -> None:
    @routes.user("DELETE", "/webhooks/<uuid:webhook_id>")
    def delete_webhook(caller: Caller, webhook_id: UUID) -> Response:
        versions = if_match()

        def work(tx: Transaction) -> Answer:
            verbs.delete(tx, webhook_id, versions=versions)
            return Answer(204)

        return writes.run(caller, work)


def _register_deliveries(routes: Routes, uow: UnitOfWork, writes: Writes) -> None:
    @routes.user("GET", "/webhooks/<uuid:webhook_id>/deliveries")
    def list_deliveries(caller: Caller, webhook_id: UUID) -> Response:
        keys = (paging.instant, paging.identifier)
        here = paging.page(f"deliveries:{webhook_id}", parameters(*paging.PARAMETERS), keys=keys)
        with uow.read(caller.user_id) as tx:
            endpoint = Webhooks(tx).get(webhook_id)
            found = Deliveries(tx).of_recipient(str(endpoint.id), before=here.after, limit=here.fetch)
        items = [render_delivery(delivery) for delivery in found]
        return json_answer(here.answer(items, keys=[(d.created_at, d.id) for d in found])).response()

    @routes.user("POST", "/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend")
    def resend_delivery(caller: Caller, webhook_id: UUID, delivery_id: UUID) -> Response:
        def work(tx: Transaction) -> Answer:
            return json_answer(render_delivery(verbs.resend(tx, webhook_id, delivery_id)), status=202)

        return writes.run(caller, work)


def _created(shown: Shown) -> Answer:
    answer = _answer(shown)
    location = {"Location": f"/v1/webhooks/{shown.webhook.id}"}
    return Answer(201, answer.body, {**answer.headers, **location}, answer.stored)


def _answer(shown: Shown) -> Answer:
    """The answer with the secret; the answer stored for an idempotent repeat does not contain it."""
    answer = json_answer(render(shown), headers={"ETag": etag(shown.webhook.version)})
    if shown.secret is None:
        return answer
    return Answer(answer.status, answer.body, answer.headers, json_answer(render(Shown(shown.webhook))).body)
