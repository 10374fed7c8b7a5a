"""The verbs of a series: edit it from an occurrence on, stop it, resume it. Called by `routes`.

Past occurrences are never changed: an edit starts at the open occurrence, or at a later one, which splits the
series.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from functions.tasks.tasks import fields
from functions.tasks.tasks import verbs as task_verbs
from functions.tasks.tasks.occurrences import joined
from shared.db.repositories.series import AllSeries, Occurrences
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.errors import Conflict
from shared.domain.identity import uuid7
from shared.domain.next_occurrence import next_occurrence
from shared.domain.recurrence import InvalidRecurrence
from shared.domain.series import Occurrence, Series
from shared.domain.series_edit import revise, revise_after, split
from shared.domain.task import Task
from shared.domain.versions import Versions
from shared.domain.zones import UnknownZone
from shared.events.base import changes_between, plain
from shared.events.series import SeriesChanged
from shared.events.task import TaskUpdated

TEMPLATE = frozenset({"title", "description", "priority", "tags", "reminders", "remind_before_minutes"})
_KEPT = ("title", "description", "priority", "tags", "reminders")  # the fields that a template can have


@dataclass(frozen=True)
class Edited:
    """The series afterwards, its open task, and the moved dues (key, due) that the edit dropped."""

    series: Series
    task: Task | None
    dropped: tuple[tuple[str, str], ...] = ()


def edit(tx: Transaction, series_id: UUID, given: Mapping[str, Any], *, versions: Versions = None) -> Edited:
    """Change this and the following occurrences, from `given["from"]` or from the open one on."""
    series = AllSeries(tx).lock(series_id, versions=versions)
    if series.state in ("ended", "stopped"):
        message = f"The series is {series.state}; resume it first." if series.state == "stopped" else None
        raise Conflict(message or "The series has ended.", code=f"series_{series.state}")
    occurrences = Occurrences(tx, series.id)
    current = occurrences.open() or occurrences.last_ended()
    key = current.key if current else series.first_key()
    start = key if given.get("from") is None else given["from"]
    closed = current is not None and current.outcome != "open" and given.get("from") == key
    if start != key or closed:
        if occurrences.get(start) is not None:
            raise Conflict("That occurrence is over; history stays as it is.", code="occurrence_closed")
        return _split(tx, series, given, current, key)
    if current is None:
        return _edit_waiting(tx, series, given, key)
    if current.outcome != "open":
        return _edit_between(tx, series, given, current)
    return _edit_open(tx, series, given, current)


def _edit_open(tx: Transaction, series: Series, given: Mapping[str, Any], current: Occurrence) -> Edited:
    """Edit from the open occurrence on; a moved one keeps its due if the new rule still has its key."""
    before = _task_of(tx, current)
    assert before is not None
    revision = revise(series, given, key=current.key, like=before.due, now=tx.now)
    after = fields.apply(before, _template(given), user_zone=tx.account.timezone)
    original = series.key_due(current.key, like=before.due)
    overridden = before.due is not None and before.due != original
    dropped: tuple[tuple[str, str], ...] = ()
    if overridden and before.due is not None and revision.key != current.key:
        dropped = ((current.key, before.due.text()),)
    if dropped or not overridden:
        after = after.with_due(revision.due, tx.account.timezone)
    if revision.key != current.key or revision.counts_anew:
        _rekey(tx, series, current.key, revision.key, revision.series.emitted_count)
    _save(tx, series, revision.series, before)
    after = joined(after, revision.series, revision.key)
    if after != before:
        Tasks(tx).change(before, after.changed(tx.now), TaskUpdated)
    return replace(_seen(tx, series.id), dropped=dropped)


def _edit_between(tx: Transaction, series: Series, given: Mapping[str, Any], last: Occurrence) -> Edited:
    """Edit while no occurrence is open (the next one is not made yet, or could not be): the next one follows
    the new rule.
    """
    if given.keys() & (TEMPLATE | {"due", "timezone"}):
        message = "No occurrence is open; only the rule and its exceptions can be changed."
        raise Conflict(message, code="no_open_occurrence")
    task = _task_of(tx, last)
    after, counts_anew = revise_after(series, given, key=last.key)
    if counts_anew:  # nothing of the new rule has happened yet
        _rekey(tx, series, last.key, last.key, after.emitted_count)
    _save(tx, series, after, task)
    return _seen(tx, series.id)


def _edit_waiting(tx: Transaction, series: Series, given: Mapping[str, Any], key: str) -> Edited:
    """Edit a successor that has not begun; changes of its tasks are stored in its template."""
    after = revise(series, given, key=key, like=None, now=tx.now).series
    after = replace(after, template={**series.template, **_template_values(tx, after, given, None)})
    _save(tx, series, after, None)
    return _seen(tx, series.id)


def _split(
    tx: Transaction, series: Series, given: Mapping[str, Any], current: Occurrence | None, key: str
) -> Edited:
    """End the series before `from`, and make a successor that continues there."""
    task = _task_of(tx, current)
    like = task.due if task else None
    before, rest = split(series, given, current=key, key=given["from"], like=like, now=tx.now)
    fresh = replace(
        rest,
        id=uuid7(tx.now),
        state="active",
        state_reason=None,
        template={**({} if current else series.template), **_template_values(tx, rest, given, task)},
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
    )
    AllSeries(tx).add(fresh)
    after = replace(before, successor_id=fresh.id, ends_before=given["from"])
    _save(tx, series, after, task)
    if task is not None and current is not None and current.outcome == "open":
        Tasks(tx).change(task, joined(task, after, current.key).changed(tx.now), TaskUpdated)
    return _seen(tx, series.id)


def stop(tx: Transaction, series_id: UUID, *, versions: Versions = None) -> Edited:
    """No further occurrences; the open one goes to the trash. Stopping twice changes nothing."""
    series = AllSeries(tx).lock(series_id, versions=versions)
    current = Occurrences(tx, series.id).open()
    if series.state in ("active", "paused"):
        if current is not None and current.task_id is not None:
            task_verbs.delete(tx, current.task_id)
        if AllSeries(tx).get(series.id).state != "stopped":
            _save(tx, series, replace(series, state="stopped", state_reason="deleted"), None)
    return _seen(tx, series.id)


def resume(tx: Transaction, series_id: UUID, *, versions: Versions = None) -> Edited:
    """Continue a stopped or paused series: restore its open task, or let `recurrence` make the next one.

    409 `series_ended`, or `recurrence_limit` if the engine still finds no occurrence within its limits.
    """
    series = AllSeries(tx).lock(series_id, versions=versions)
    if series.state == "ended":
        raise Conflict("The series has ended; it has no further occurrence.", code="series_ended")
    occurrences = Occurrences(tx, series.id)
    current = occurrences.open()
    task = _task_of(tx, current)
    if task is not None and task.deleted_at is not None:
        task_verbs.restore(tx, task.id)
    elif series.state in ("stopped", "paused"):
        last = None if current else occurrences.last_ended()
        _check_expandable(tx, series, last)
        active = replace(series, state="active", state_reason=None)
        _save(tx, series, active, task or _task_of(tx, last), recurring=current is None)
    return _seen(tx, series.id)


def _check_expandable(tx: Transaction, series: Series, last: Occurrence | None) -> None:
    """Refuse a series that `recurrence` would pause again."""
    task = _task_of(tx, last)
    if last is None or task is None or task.due is None or task.completed_at is None:
        return
    try:
        next_occurrence(
            series.recurrence(),
            key=last.key,
            due=series.wall_of(task.due),
            outcome="done" if task.status == "done" else "skipped",
            at=task.completed_at,
            user_zone=tx.account.timezone,
            skip_missed=last.skip_missed,
        )
    except (InvalidRecurrence, UnknownZone, OverflowError) as error:
        raise Conflict(f"Change the rule first. {error}", code="recurrence_limit") from None


def _rekey(tx: Transaction, series: Series, old: str, new: str, emitted_count: int) -> None:
    occurrences = Occurrences(tx, series.id)
    if old != new and occurrences.get(new) is not None:
        message = f"The series has had its occurrence {new}; choose another due."
        raise Conflict(message, code="occurrence_exists")
    occurrences.rekey(old, new, emitted_count=emitted_count)


def _save(
    tx: Transaction, before: Series, after: Series, task: Task | None, *, recurring: bool = False
) -> None:
    """Write the change and emit its event; with `recurring` the event makes `recurrence` look for the
    next one.
    """
    if after == before:
        return
    AllSeries(tx).save(after)
    tx.emit(
        SeriesChanged,
        task_id=task.id if task else None,
        task_version=task.version if task else None,
        series_id=after.id,
        changes=changes_between(before.public_fields(), after.public_fields()),
        recurring=recurring,
    )


def _seen(tx: Transaction, series_id: UUID) -> Edited:
    current = Occurrences(tx, series_id).open()
    task = _task_of(tx, current)
    shown = task if task is not None and task.deleted_at is None else None
    return Edited(AllSeries(tx).get(series_id), shown)


def _task_of(tx: Transaction, occurrence: Occurrence | None) -> Task | None:
    if occurrence is None or occurrence.task_id is None:
        return None
    return Tasks(tx).get(occurrence.task_id, deleted=True)


def _template(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in TEMPLATE}


def _template_values(
    tx: Transaction, series: Series, given: Mapping[str, Any], task: Task | None
) -> dict[str, Any]:
    """The given template fields as values of a task, in JSON."""
    base = task or Task(id=series.id, title="", created_at=tx.now, updated_at=tx.now)
    base = base.with_due(series.due(series.anchor_value()), tx.account.timezone)
    applied = fields.apply(base, _template(given), user_zone=tx.account.timezone)
    named = {"reminders" if name == "remind_before_minutes" else name for name in _template(given)}
    return {name: plain(getattr(applied, name)) for name in _KEPT if name in named}
