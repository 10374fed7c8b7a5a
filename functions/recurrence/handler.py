"""Makes the next occurrence of a series when the event of a completion, a skip or a resumption arrives.

It acts on the present state, not on the event: when the event is old or repeated, the occurrence is open
again or the next one exists already, and nothing changes. The account row and the series row are locked
meanwhile.
"""

from uuid import UUID

from functions.recurrence.expansion import Ended, expand, hand_over
from shared.db.repositories.series import AllSeries, Occurrences
from shared.db.repositories.tasks import Tasks
from shared.db.uow import Transaction
from shared.domain.errors import NotFound
from shared.domain.series import Series
from shared.domain.task import Task
from shared.events.series import SeriesChanged
from shared.events.task import TaskCompleted, TaskSkipped
from shared.runtime.logging import get_logger
from shared.runtime.received import ReceivedEvent

ACCEPTS = (TaskCompleted.type, TaskSkipped.type, SeriesChanged.type)
log = get_logger(__name__)


def handle(event: ReceivedEvent, tx: Transaction) -> None:
    """Create the next occurrence, or end or pause the series."""
    if event.type == SeriesChanged.type:
        _resume(UUID(event.data["series_id"]), tx)
        return
    task = _ended_task(event, tx)
    if task is None or task.series_id is None or task.occurrence_key is None:
        return
    series = AllSeries(tx).lock(task.series_id)
    occurrence = Occurrences(tx, series.id).get(task.occurrence_key)
    if occurrence is None or not _must_expand(tx, series, occurrence.key, occurrence.outcome):
        log.info("nothing to expand", series_id=str(series.id), state=series.state)
        return
    expand(tx, series, Ended(task, occurrence))


def _ended_task(event: ReceivedEvent, tx: Transaction) -> Task | None:
    """The task, if it is still ended at the event's version or a later one."""
    if event.task_id is None or event.task_version is None:
        return None
    try:
        task = Tasks(tx).get(event.task_id, deleted=True)
    except NotFound:
        return None
    return task if task.status in ("done", "skipped") and task.version >= event.task_version else None


def _must_expand(tx: Transaction, series: Series, key: str, outcome: str) -> bool:
    """Whether `key` is the newest occurrence of an active series and has ended."""
    if series.state != "active" or outcome not in ("done", "skipped"):
        return False
    newest = Occurrences(tx, series.id).newest()
    return newest is not None and newest.key == key


def _resume(series_id: UUID, tx: Transaction) -> None:
    """Continue a series that was stopped or paused, from its last occurrence or from its predecessor's."""
    series = AllSeries(tx).lock(series_id)
    if series.state != "active" or Occurrences(tx, series.id).open() is not None:
        log.info("nothing to resume", series_id=str(series.id), state=series.state)
        return
    ended = _last_ended(tx, series)
    if ended is not None:
        expand(tx, series, ended)
        return
    predecessor = AllSeries(tx).predecessor(series.id)
    before = _last_ended(tx, predecessor) if predecessor and predecessor.state == "ended" else None
    if predecessor is not None and before is not None:
        hand_over(tx, predecessor, before)


def _last_ended(tx: Transaction, series: Series) -> Ended | None:
    occurrence = Occurrences(tx, series.id).last_ended()
    if occurrence is None or occurrence.task_id is None:
        return None
    return Ended(Tasks(tx).get(occurrence.task_id, deleted=True), occurrence)
