"""The routes of /v1/settings: zone, defaults of reminders, quiet hours, digest."""

from flask import Response, request

from functions.tasks.edge.conditions import etag, if_match
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from shared.db.repositories.accounts import Accounts
from shared.db.uow import UnitOfWork
from shared.domain.preferences import Preferences
from shared.runtime.http import json_body


def register(routes: Routes, uow: UnitOfWork, writes: Writes) -> None:
    """Declare the routes of the settings."""

    @routes.user("GET", "/settings")
    def get_settings(caller: Caller) -> Response:
        with uow.read(caller.user_id) as tx:
            return _answer(Accounts(tx).preferences()).response()

    @routes.user("PUT", "/settings")
    def put_settings(caller: Caller) -> Response:
        from functions.tasks.account import verbs  # with all that derives instants: not in a wake-up
        from functions.tasks.account.bodies import Preferences as Wanted
        from functions.tasks.edge.bodies import parse

        given, versions = parse(Wanted, json_body(request)), if_match()
        return writes.run(caller, lambda tx: _answer(verbs.change(tx, given, versions=versions)))


def _answer(found: Preferences) -> Answer:
    return json_answer(found.public() | {"version": found.version}, headers={"ETag": etag(found.version)})
