"""Changes the series of a task when a verb starts, moves, ends, reopens or deletes an occurrence. Called by
`verbs`.

Every write transaction has locked the user's account row, so two of these never run at once for one user. The
series row is locked, too, because `recurrence` adds occurrences under that lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from functions.tasks.tasks.withdrawal import withdraw_following
from shared.db.repositories.series import AllSeries, Occurrences
from shared.db.uow import Transaction
from shared.domain.errors import Conflict, invalid_field
from shared.domain.identity import uuid7
from shared.domain.rrule_limits import MAX_EXCEPTIONS
from shared.domain.rule import Mode, Rule, merged, parse_rule
from shared.domain.series import Occurrence, Series, zone_of
from shared.domain.task import Task
from shared.events.base import changes_between
from shared.events.series import SeriesChanged, SeriesEnded, SeriesEvent


def start(tx: Transaction, task: Task, recurrence: Mapping[str, Any]) -> Task:
    """`task` as the first occurrence of a new series; the task itself is written by the caller's verb."""
    rule = parse_rule(recurrence, task.due)
    series = Series(id=uuid7(tx.now), **_anchored(task, rule), created_at=tx.now, updated_at=tx.now)
    AllSeries(tx).add(series)
    return _joined(task, series)


def record_first(tx: Transaction, task: Task) -> None:
    """The open occurrence of a series that `start` made; its task must exist by now."""
    assert task.series_id is not None
    assert task.occurrence_key is not None
    Occurrences(tx, task.series_id).add_open(
        Occurrence(
            series_id=task.series_id,
            key=task.occurrence_key,
            outcome="open",
            task_id=task.id,
            ordinal=1,
            after_key=None,
            created_at=tx.now,
        )
    )


def check_move(before: Task, after: Task, given: Mapping[str, Any]) -> None:
    """Refuse to move one occurrence from a day to a time, or back; only a new rule may change that."""
    if "recurrence" in given or before.due is None:
        return
    if after.due is None:
        raise invalid_field("due", "recurrence_needs_due", "a recurring task needs a due")
    if (after.due.kind == "date") != (before.due.kind == "date"):
        raise invalid_field("due", "due_type_fixed", "send recurrence too to change between a day and a time")


def change_rule(tx: Transaction, before: Task, after: Task, recurrence: Mapping[str, Any] | None) -> Task:
    """The task under another rule, from its occurrence on; None ends the series."""
    if recurrence is None:
        return _leave(tx, after) if before.recurring else after
    if before.status != "open":
        raise Conflict("Only an open task can be given a rule.", code="occurrence_closed")
    if not before.recurring:
        joined = start(tx, after, recurrence)
        record_first(tx, joined)
        return joined
    return _rebase(tx, before, after, recurrence)


def end(tx: Transaction, task: Task, *, skip_missed: bool = False) -> None:
    """Record that the occurrence of a done or skipped task has ended; a skip also adds an EXDATE.

    `skip_missed` is stored with the occurrence for `recurrence`, and removed when it is reopened.
    """
    if task.series_id is None or task.occurrence_key is None:
        return
    series = AllSeries(tx).lock(task.series_id)
    Occurrences(tx, series.id).set_outcome(task.occurrence_key, task.status, skip_missed=skip_missed)
    if task.status == "skipped" and task.occurrence_key not in series.exdates:
        # The oldest exceptions are dropped: every new occurrence is later than they are.
        room = MAX_EXCEPTIONS - 1 - len(series.rdates)
        exdates = sorted({*series.exdates, task.occurrence_key})
        AllSeries(tx).save(replace(series, exdates=exdates[-max(room, 1) :]))


def reopen(tx: Transaction, task: Task) -> None:
    """Make the occurrence of a done or skipped task the open one again.

    Removes the next occurrence; `Conflict` when its owner has changed that one, or when a later one exists.
    """
    if task.series_id is None or task.occurrence_key is None:
        return
    series = AllSeries(tx).lock(task.series_id)
    this = Occurrences(tx, series.id).get(task.occurrence_key)
    assert this is not None
    withdraw_following(tx, series, this)
    Occurrences(tx, series.id).set_outcome(this.key, "open")
    revived = "active" if series.state in ("ended", "paused") else series.state
    reopened = replace(
        series,
        state=revived,
        state_reason=None if revived == "active" else series.state_reason,
        emitted_count=this.emitted_count,
        exdates=[key for key in series.exdates if key != task.occurrence_key],
    )
    if reopened != series:
        AllSeries(tx).save(reopened)
    if revived != series.state:
        _emit(tx, SeriesChanged, task, series, reopened)


def stop(tx: Transaction, tasks: Sequence[Task]) -> None:
    """Stop the series of those deleted tasks that are open occurrences."""
    stopped = [
        (task, series, replace(series, state="stopped", state_reason="deleted"))
        for task, series in _locked(tx, tasks)
        if series.state in ("active", "paused")
    ]
    _save_states(tx, stopped)


def resume(tx: Transaction, tasks: Sequence[Task]) -> None:
    """Resume the series of those restored tasks that are open occurrences; 409 where that is impossible."""
    open_tasks = AllSeries(tx).open_tasks([task.series_id for task in tasks if task.series_id])
    resumed = []
    for task, series in _locked(tx, tasks):
        if series.state == "ended" or open_tasks.get(series.id) != task.id:
            raise Conflict("The series has gone on without this occurrence.", code="series_moved_on")
        if series.state == "stopped":
            resumed.append((task, series, replace(series, state="active", state_reason=None)))
    _save_states(tx, resumed)


def _locked(tx: Transaction, tasks: Sequence[Task]) -> list[tuple[Task, Series]]:
    """The open occurrences among `tasks`, each with its series, which is locked."""
    occurring = [task for task in tasks if task.series_id is not None and task.status == "open"]
    series = AllSeries(tx).lock_all([task.series_id for task in occurring if task.series_id])
    return [(task, series[task.series_id]) for task in occurring if task.series_id is not None]


def _leave(tx: Transaction, task: Task) -> Task:
    assert task.series_id is not None
    assert task.occurrence_key is not None
    series = AllSeries(tx).lock(task.series_id)
    if task.status != "open":
        raise Conflict("Only the open occurrence can leave its series.", code="occurrence_closed")
    Occurrences(tx, series.id).remove(task.occurrence_key)
    _end_all(tx, series, task)
    return replace(
        task,
        series_id=None,
        occurrence_key=None,
        series_kind=None,
        series_rule=None,
        series_mode=None,
        series_state=None,
    )


def _end_all(tx: Transaction, series: Series, task: Task) -> None:
    """End the series, and the successors that wait for its end."""
    ended = replace(series, state="ended", state_reason="recurrence removed")
    AllSeries(tx).save(ended)
    _emit(tx, SeriesEnded, task, series, ended)
    if series.successor_id is not None:
        _end_all(tx, AllSeries(tx).lock(series.successor_id), task)


def _rebase(tx: Transaction, before: Task, after: Task, recurrence: Mapping[str, Any]) -> Task:
    assert before.series_id is not None
    assert before.occurrence_key is not None
    series = AllSeries(tx).lock(before.series_id)
    kept = Rule(kind=series.kind, text=series.rule, mode=series.mode)
    rule = parse_rule(merged(recurrence, kept), after.due)
    if after.due == before.due and rule.same_times(kept):
        return _change_mode(tx, after, series, rule.mode)
    rebased = replace(series, **_anchored(after, rule))
    joined = _joined(after, rebased)
    assert joined.occurrence_key is not None
    occurrences = Occurrences(tx, series.id)
    if joined.occurrence_key != before.occurrence_key and occurrences.get(joined.occurrence_key):
        raise Conflict(
            f"The series has had its occurrence {joined.occurrence_key}; choose another due.",
            code="occurrence_exists",
        )
    occurrences.rekey(before.occurrence_key, joined.occurrence_key, emitted_count=1)
    AllSeries(tx).save(rebased)
    _emit(tx, SeriesChanged, after, series, rebased)
    return joined


def _change_mode(tx: Transaction, task: Task, series: Series, mode: Mode) -> Task:
    """The series with another mode; its times and its count stay."""
    if mode == series.mode:
        return task
    changed = replace(series, mode=mode)
    AllSeries(tx).save(changed)
    _emit(tx, SeriesChanged, task, series, changed)
    return replace(task, series_mode=mode)


def _anchored(task: Task, rule: Rule) -> dict[str, Any]:
    """The fields of a series under `rule` that starts at the task's due."""
    assert task.due is not None
    return {
        "kind": rule.kind,
        "rule": rule.text,
        "mode": rule.mode,
        "value_type": "date" if task.due.kind == "date" else "datetime",
        "anchor": task.due.wall,
        "timezone": zone_of(task.due),
        "exdates": [],
        "rdates": [],
        "emitted_count": 1,
    }


def _joined(task: Task, series: Series) -> Task:
    return joined(task, series, series.first_key())


def joined(task: Task, series: Series, key: str) -> Task:
    """The task as the occurrence `key` of the series, with the rule that goes with it."""
    return replace(
        task.in_series(series.id, key),
        series_kind=series.kind,
        series_rule=series.rule,
        series_mode=series.mode,
        series_state=series.state,
    )


def _save_states(tx: Transaction, changes: Sequence[tuple[Task, Series, Series]]) -> None:
    AllSeries(tx).save_all([after for _, _, after in changes])
    for task, before, after in changes:
        _emit(tx, SeriesChanged, task, before, after)


def _emit(tx: Transaction, event: type[SeriesEvent], task: Task, before: Series, after: Series) -> None:
    changes = changes_between(before.public_fields(), after.public_fields())
    tx.emit(
        event,
        task_id=task.id,
        task_version=task.version,
        series_id=after.id,
        changes=changes,
        recurring=False,
    )
