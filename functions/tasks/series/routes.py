"""The routes of /v1/series and /v1/recurrence/preview: parse, one verb, answer.

The verbs and the views are imported by the first request that needs them: they load the recurrence engine.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Response, request

from functions.tasks.edge import paging
from functions.tasks.edge.conditions import etag, if_match
from functions.tasks.edge.parameters import parameters
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from shared.db.uow import Transaction, UnitOfWork
from shared.domain.task import Task
from shared.runtime.http import json_body

if TYPE_CHECKING:
    from functions.tasks.series.verbs import Edited

ShowTask = Callable[[Transaction, Task], dict[str, Any]]  # how the noun `tasks` renders one


def register(routes: Routes, uow: UnitOfWork, writes: Writes, *, show_task: ShowTask) -> None:
    """Declare the routes of series."""
    _register_reads(routes, uow)
    _register_record(routes, uow)
    _register_writes(routes, writes, show_task)


def _register_reads(routes: Routes, uow: UnitOfWork) -> None:
    @routes.user("GET", "/series/<uuid:series_id>")
    def get_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.view import render
        from shared.db.repositories.series import AllSeries

        with uow.read(caller.user_id) as tx:
            found = AllSeries(tx).get(series_id)
        return json_answer(render(found), headers={"ETag": etag(found.version)}).response()

    @routes.user("POST", "/recurrence/preview")
    def preview_recurrence(caller: Caller) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.series.bodies import Preview
        from functions.tasks.series.preview import preview
        from shared.db.repositories.accounts import timezone_of

        given = parse(Preview, json_body(request))
        with uow.read(caller.user_id) as tx:
            zone = timezone_of(tx)
        return json_answer(preview(given, user_zone=zone)).response()


def _register_record(routes: Routes, uow: UnitOfWork) -> None:
    @routes.user("GET", "/series/<uuid:series_id>/occurrences")
    def list_occurrences(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.view import render_occurrence
        from shared.db.repositories.accounts import timezone_of
        from shared.db.repositories.series import AllSeries, Occurrences

        here = paging.page(f"occurrences:{series_id}", parameters(*paging.PARAMETERS), keys=(paging.number,))
        (before,) = here.after or (None,)
        with uow.read(caller.user_id) as tx:
            series = AllSeries(tx).get(series_id)
            found = Occurrences(tx, series_id).page(limit=here.fetch, before=before)
            zone = timezone_of(tx)
        items = [render_occurrence(series, each, user_zone=zone) for each in found]
        return json_answer(here.answer(items, keys=[(each.ordinal,) for each in found])).response()


def _register_writes(routes: Routes, writes: Writes, show_task: ShowTask) -> None:
    @routes.user("PATCH", "/series/<uuid:series_id>")
    def patch_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.edge.bodies import parse
        from functions.tasks.series.bodies import SeriesPatch
        from functions.tasks.series.verbs import edit

        given, versions = parse(SeriesPatch, json_body(request)), if_match()

        def work(tx: Transaction) -> Answer:
            return _answer(tx, edit(tx, series_id, given, versions=versions), show_task)

        return writes.run(caller, work)

    @routes.user("DELETE", "/series/<uuid:series_id>")
    def stop_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.verbs import stop

        versions = if_match()
        return writes.run(caller, lambda tx: _answer(tx, stop(tx, series_id, versions=versions), show_task))

    @routes.user("POST", "/series/<uuid:series_id>/resume")
    def resume_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.edge.bodies import Empty, parse
        from functions.tasks.series.verbs import resume

        parse(Empty, json_body(request, optional=True))
        versions = if_match()
        return writes.run(caller, lambda tx: _answer(tx, resume(tx, series_id, versions=versions), show_task))


def _answer(tx: Transaction, edited: "Edited", show_task: ShowTask) -> Answer:
    from functions.tasks.series.view import render

    body = {
        "series": render(edited.series),
        "task": show_task(tx, edited.task) if edited.task else None,
        "dropped_overrides": [{"key": key, "due": due} for key, due in edited.dropped],
    }
    return json_answer(body, headers={"ETag": etag(edited.series.version)})
