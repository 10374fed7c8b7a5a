"""The next occurrence of a series, made when the event of a completion or a skip arrives.

It acts on the state it finds, not on the event: a stale or repeated event finds the occurrence open again,
or the next one made, and changes nothing. The account row and the series row are locked meanwhile.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from shared.db.repositories.series import Occurrences, SeriesRepository
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain import zones
from shared.domain.due import Due
from shared.domain.errors import NotFound
from shared.domain.identity import uuid7
from shared.domain.next_occurrence import Step, next_occurrence
from shared.domain.recurrence import RecurrenceLimit
from shared.domain.series import Occurrence, Series
from shared.domain.task import Task
from shared.events.base import changes_between
from shared.events.series import SeriesEnded, SeriesPaused
from shared.events.task import TaskCompleted, TaskSkipped
from shared.runtime.logging import get_logger
from shared.runtime.received import ReceivedEvent

ACCEPTS = (TaskCompleted.type, TaskSkipped.type)
log = get_logger(__name__)


def handle(event: ReceivedEvent, tx: Transaction) -> None:
    """Create the next occurrence, or end or pause the series."""
    ended = _ended_task(event, tx)
    if ended is None or ended.series_id is None or ended.occurrence_key is None:
        return
    series = SeriesRepository(tx).lock(ended.series_id)
    occurrence = Occurrences(tx, series.id).get(ended.occurrence_key)
    if not _must_expand(tx, series, occurrence):
        log.info("nothing to expand", series_id=str(series.id), state=series.state)
        return
    assert occurrence is not None
    try:
        step = _step(tx, series, ended)
    except RecurrenceLimit as error:
        _pause(tx, series, ended, str(error))
        return
    if step is None:
        _end(tx, series, ended)
    else:
        _create(tx, series, ended, occurrence, step)


def _ended_task(event: ReceivedEvent, tx: Transaction) -> Task | None:
    """The task, if it is still ended at the event's version or a later one."""
    if event.task_id is None or event.task_version is None:
        return None
    try:
        task = Tasks(tx).get(event.task_id, deleted=True)
    except NotFound:
        return None
    return task if task.status in ("done", "skipped") and task.version >= event.task_version else None


def _must_expand(tx: Transaction, series: Series, occurrence: Occurrence | None) -> bool:
    if series.state != "active" or occurrence is None or occurrence.outcome not in ("done", "skipped"):
        return False
    occurrences = Occurrences(tx, series.id)
    return occurrences.open() is None and occurrences.following(occurrence.key) is None


def _step(tx: Transaction, series: Series, ended: Task) -> Step | None:
    assert ended.due is not None
    assert ended.occurrence_key is not None
    assert ended.completed_at is not None
    return next_occurrence(
        series.recurrence(),
        key=ended.occurrence_key,
        due=_wall_in(series, ended.due),
        outcome="done" if ended.status == "done" else "skipped",
        at=ended.completed_at,
        user_zone=tx.account.timezone,
    )


def _wall_in(series: Series, due: Due) -> datetime | date:
    """The due as the series reads it: an override may have moved this occurrence to another zone."""
    if series.timezone is None or due.timezone in (None, series.timezone):
        return due.value()
    instant = due.at(series.timezone)
    return (
        due.value()
        if instant is None
        else instant.astimezone(zones.zone(series.timezone)).replace(tzinfo=None)
    )


def _create(tx: Transaction, series: Series, ended: Task, occurrence: Occurrence, step: Step) -> None:
    assert ended.due is not None
    fresh = Task(
        id=uuid7(tx.now),
        title=ended.title,
        description=ended.description,
        priority=ended.priority,
        tags=ended.tags,
        project_id=ended.project_id,
        parent_id=ended.parent_id,
        position=ended.position,
        reminders=_carried(ended.reminders),
        created_at=tx.now,
        updated_at=tx.now,
    )
    due = replace(ended.due, timezone=_zone(series, ended)).moved(step.wall)
    task = replace(
        fresh.with_due(due, tx.account.timezone).in_series(series.id, step.key),
        series_kind=series.kind,
        series_rule=series.rule,
        series_mode=series.mode,
    )
    Tasks(tx).add(task)
    _record(tx, series, task, occurrence, step)
    log.info("next occurrence created", series_id=str(series.id), key=step.key, missed=len(step.missed))


def _zone(series: Series, ended: Task) -> str | None:
    """The zone of the next due: an override of one occurrence's zone does not last."""
    return ended.timezone if ended.due_kind in ("date", "floating", "instant") else series.timezone


def _carried(offsets: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Reminders relative to the due; an absolute one belonged to that occurrence alone."""
    return [dict(offset) for offset in offsets if "remind_at" not in offset]


def _record(tx: Transaction, series: Series, task: Task, before: Occurrence, step: Step) -> None:
    occurrences = Occurrences(tx, series.id)
    occurrences.add_missed(step.missed, first_ordinal=before.ordinal + 1, after_key=before.key)
    occurrences.add_open(
        Occurrence(
            series_id=series.id,
            key=step.key,
            outcome="open",
            task_id=task.id,
            ordinal=step.emitted_count,
            after_key=before.key,
            created_at=tx.now,
        )
    )
    SeriesRepository(tx).save(replace(series, emitted_count=step.emitted_count))


def _end(tx: Transaction, series: Series, ended: Task) -> None:
    after = replace(series, state="ended", state_reason="no further occurrence")
    SeriesRepository(tx).save(after)
    tx.emit(SeriesEnded, **_about(ended, series.id, series, after))
    log.info("series ended", series_id=str(series.id))


def _pause(tx: Transaction, series: Series, ended: Task, reason: str) -> None:
    after = replace(series, state="paused", state_reason=reason)
    SeriesRepository(tx).save(after)
    tx.emit(SeriesPaused, reason=reason, **_about(ended, series.id, series, after))
    log.warning("series paused", series_id=str(series.id), reason=reason)


def _about(ended: Task, series_id: UUID, before: Series, after: Series) -> dict[str, object]:
    return {
        "task_id": ended.id,
        "task_version": ended.version,
        "series_id": series_id,
        "changes": changes_between(before.public_fields(), after.public_fields()),
    }
