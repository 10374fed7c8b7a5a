"""Continues a series when its open occurrence has ended: with the next occurrence or with its successor, or
it ends or pauses the series.

Called by `handler`, which has decided that the series must be continued and holds its lock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, time

from functions.recurrence.subtasks import copies
from shared.db.repositories.series import AllSeries, Occurrences
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain import zones
from shared.domain.identity import uuid7
from shared.domain.next_occurrence import Step, first_step, next_occurrence
from shared.domain.recurrence import InvalidRecurrence, RecurrenceLimit
from shared.domain.series import Occurrence, Series, State
from shared.domain.task import Task
from shared.domain.task_reminders import relative
from shared.domain.written import written
from shared.events.base import changes_between
from shared.events.series import SeriesEnded, SeriesEvent, SeriesPaused
from shared.runtime.logging import get_logger

MAX_TAKEN = 100  # occurrences of the record that a series anchored anew may meet again
log = get_logger(__name__)


@dataclass(frozen=True)
class Ended:
    """The occurrence that has ended, and its task."""

    task: Task
    occurrence: Occurrence


def expand(tx: Transaction, series: Series, ended: Ended) -> None:
    """Make the next occurrence of `series`. If there is none, end the series; if the engine finds no answer
    within its limits, pause it.
    """
    try:
        step = _step(tx, series, ended)
    except (InvalidRecurrence, zones.UnknownZone, OverflowError) as error:
        _close(tx, SeriesPaused, series, ended, str(error), reason=str(error))
        return
    if step is not None and series.reaches(step, tx.account.timezone):
        _create(tx, series, ended, step, after_key=ended.occurrence.key, ordinal=ended.occurrence.ordinal)
        return
    _close(tx, SeriesEnded, series, ended, "no further occurrence")
    hand_over(tx, series, ended)


def hand_over(tx: Transaction, series: Series, ended: Ended) -> None:
    """Open the first occurrence of the successor of an ended series, unless that one stopped or has begun."""
    if series.successor_id is None:
        return
    successor = AllSeries(tx).lock(series.successor_id)
    if successor.state != "active" or Occurrences(tx, successor.id).newest() is not None:
        return
    task, done = ended.task, ended.task.status == "done"
    assert task.completed_at is not None
    try:
        step = first_step(
            successor.recurrence(),
            outcome="done" if done else "skipped",
            at=task.completed_at,
            user_zone=tx.account.timezone,
            skip_missed=ended.occurrence.skip_missed,
        )
    except (InvalidRecurrence, zones.UnknownZone, OverflowError) as error:
        _close(tx, SeriesPaused, successor, ended, str(error), reason=str(error))
        return
    if step is not None and successor.reaches(step, tx.account.timezone):
        _create(tx, successor, ended, step, after_key=None, ordinal=0)
        return
    _close(tx, SeriesEnded, successor, ended, "no further occurrence")
    hand_over(tx, successor, ended)


def _step(tx: Transaction, series: Series, ended: Ended) -> Step | None:
    """The next occurrence that is not in the record yet: after a change of the anchor old keys may come
    again.
    """
    recurrence, occurrences = series.recurrence(), Occurrences(tx, series.id)
    task = ended.task
    assert task.due is not None
    assert task.completed_at is not None
    for _ in range(MAX_TAKEN):
        step = next_occurrence(
            recurrence,
            key=ended.occurrence.key,
            due=series.wall_of(task.due),
            outcome="done" if task.status == "done" else "skipped",
            at=task.completed_at,
            user_zone=tx.account.timezone,
            skip_missed=ended.occurrence.skip_missed,
        )
        if step is None:
            return None
        taken = occurrences.get(step.key)
        if taken is None or taken.outcome == "missed":
            return step
        recurrence = replace(recurrence, exdates=(*recurrence.exdates, step.key))
    raise RecurrenceLimit("RRULE", f"repeats more than {MAX_TAKEN} occurrences that the series has had")


def _create(
    tx: Transaction, series: Series, ended: Ended, step: Step, *, after_key: str | None, ordinal: int
) -> None:
    task = _next_task(tx, series, ended.task, step)
    subtasks = _subtasks(tx, series, ended.task, task)
    records = {each.id: written(each) for each in subtasks}
    records[task.id] = written(task, copies=len(subtasks))
    Tasks(tx).add_all([task, *subtasks], records=records)
    occurrences = Occurrences(tx, series.id)
    occurrences.add_missed(step.missed, first_ordinal=ordinal + 1, after_key=after_key)
    occurrences.add_open(
        Occurrence(
            series_id=series.id,
            key=step.key,
            outcome="open",
            task_id=task.id,
            ordinal=ordinal + len(step.missed) + 1,
            after_key=after_key,
            emitted_count=step.emitted_count,
            created_at=tx.now,
        )
    )
    AllSeries(tx).save(replace(series, emitted_count=step.emitted_count))
    log.info("next occurrence created", series_id=str(series.id), key=step.key, missed=len(step.missed))


def _subtasks(tx: Transaction, series: Series, ended: Task, following: Task) -> list[Task]:
    assert ended.due is not None
    wall = series.wall_of(ended.due)
    before = wall if isinstance(wall, datetime) else datetime.combine(wall, time())
    return copies(tx, ended, following, before=before)


def _copy(tx: Transaction, ended: Task) -> Task:
    """The task of the next occurrence: a copy without the fields of due and completion."""
    return Task(
        id=uuid7(tx.now),
        title=ended.title,
        description=ended.description,
        priority=ended.priority,
        tags=ended.tags,
        project_id=ended.project_id,
        parent_id=ended.parent_id,
        position=ended.position,
        reminders=relative(ended.reminders),
        created_at=tx.now,
        updated_at=tx.now,
    )


def _next_task(tx: Transaction, series: Series, ended: Task, step: Step) -> Task:
    fresh = _copy(tx, ended)
    if ended.series_id != series.id:  # the first one of a successor
        fresh = replace(fresh, **series.template)
    due = series.due(step.wall, like=ended.due)
    task = fresh.with_due(due, tx.account.timezone).in_series(series.id, step.key)
    return replace(
        task,
        due_at=step.at or task.due_at,  # of two equal wall times in a fold the step knows which one it is
        series_kind=series.kind,
        series_rule=series.rule,
        series_mode=series.mode,
        series_state=series.state,
    )


def _close(
    tx: Transaction,
    event: type[SeriesEvent],
    series: Series,
    ended: Ended,
    why: str,
    **extra: object,
) -> None:
    state: State = "paused" if event is SeriesPaused else "ended"
    after = replace(series, state=state, state_reason=why)
    AllSeries(tx).save(after)
    tx.emit(
        event,
        task_id=ended.task.id,
        task_version=ended.task.version,
        series_id=series.id,
        changes=changes_between(series.public_fields(), after.public_fields()),
        **extra,
    )
    log.info("series closed", series_id=str(series.id), state=state, reason=why)
