"""The routes of /v1/series and /v1/recurrence/preview: parse, one verb of `functions.tasks.series`, answer.

The verbs and the views are imported by the first request that needs them: they load the recurrence engine.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Response, request

from functions.tasks.edge.paging import page
from functions.tasks.edge.routing import Caller, Routes
from functions.tasks.edge.writes import Answer, Writes, json_answer
from functions.tasks.tasks.routes import if_match, parse_named
from shared.db.uow import Transaction, UnitOfWork
from shared.runtime.http import json_body

if TYPE_CHECKING:
    from functions.tasks.series.verbs import Edited


def register(routes: Routes, uow: UnitOfWork, writes: Writes) -> None:
    """Declare the routes of series."""
    _register_reads(routes, uow)
    _register_writes(routes, writes)


def _register_reads(routes: Routes, uow: UnitOfWork) -> None:
    _register_record(routes, uow)

    @routes.user("GET", "/series/<uuid:series_id>")
    def get_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.view import render_series
        from shared.db.repositories.series import SeriesRepository

        with uow.read(caller.user_id) as tx:
            found = SeriesRepository(tx).get(series_id)
        return json_answer(render_series(found), headers={"ETag": f'"{found.version}"'}).response()

    @routes.user("POST", "/recurrence/preview")
    def preview_recurrence(caller: Caller) -> Response:
        from functions.tasks.series.preview import preview
        from shared.db.repositories.accounts import timezone_of

        given = _parsed("Preview")
        with uow.read(caller.user_id) as tx:
            zone = timezone_of(tx)
        return json_answer(preview(given, user_zone=zone)).response()


def _register_record(routes: Routes, uow: UnitOfWork) -> None:
    @routes.user("GET", "/series/<uuid:series_id>/occurrences")
    def list_occurrences(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.view import render_occurrence
        from shared.db.repositories.accounts import timezone_of
        from shared.db.repositories.series import Occurrences, SeriesRepository

        wanted = page(f"occurrences:{series_id}")
        before = wanted.numbers(1)
        with uow.read(caller.user_id) as tx:
            series = SeriesRepository(tx).get(series_id)
            found = Occurrences(tx, series_id).page(
                limit=wanted.limit + 1, before=before[0] if before else None
            )
            zone = timezone_of(tx)
        items = [render_occurrence(series, each, user_zone=zone) for each in found]
        return json_answer(wanted.answer(items, keys=[(each.ordinal,) for each in found])).response()


def _register_writes(routes: Routes, writes: Writes) -> None:
    @routes.user("PATCH", "/series/<uuid:series_id>")
    def patch_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.verbs import edit

        given, version = _parsed("SeriesPatch"), if_match()
        return writes.run(caller, lambda tx: _answer(tx, edit(tx, series_id, given, version=version)))

    @routes.user("DELETE", "/series/<uuid:series_id>")
    def stop_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.verbs import stop

        version = if_match()
        return writes.run(caller, lambda tx: _answer(tx, stop(tx, series_id, version=version)))

    @routes.user("POST", "/series/<uuid:series_id>/resume")
    def resume_series(caller: Caller, series_id: UUID) -> Response:
        from functions.tasks.series.verbs import resume

        parse_named("Empty", json_body(request, optional=True))
        version = if_match()
        return writes.run(caller, lambda tx: _answer(tx, resume(tx, series_id, version=version)))


def _parsed(model: str) -> dict[str, Any]:
    from functions.tasks.series import bodies as series_bodies
    from functions.tasks.tasks import bodies  # pydantic: not before the first body

    return bodies.parse(getattr(series_bodies, model), json_body(request))


def _answer(tx: Transaction, edited: "Edited") -> Answer:
    from functions.tasks.series.view import render_series
    from functions.tasks.tasks.view import render

    task = edited.task
    body = {
        "series": render_series(edited.series),
        "task": render(tx, [task], user_zone=tx.account.timezone)[0] if task else None,
        "dropped_overrides": [{"key": key, "due": due} for key, due in edited.dropped],
    }
    return json_answer(body, headers={"ETag": f'"{edited.series.version}"'})
