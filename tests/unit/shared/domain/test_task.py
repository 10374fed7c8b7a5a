"""The transitions of a task."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.errors import Conflict
from shared.domain.task import Task

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def a_task(**values):
    return Task(id=UUID(int=1), title="x", created_at=NOW, updated_at=NOW, **values)


def occurrence(**values):
    return a_task(series_id=UUID(int=2), occurrence_key="2026-06-01", **values)


def test_completing_is_idempotent():
    done = a_task().completed(LATER)
    assert (done.status, done.version, done.completed_at) == ("done", 2, LATER)
    assert done.completed(LATER + timedelta(1)) is done


def test_only_an_occurrence_can_be_skipped():
    with pytest.raises(Conflict) as caught:
        a_task().skipped(LATER)
    assert caught.value.code == "not_recurring"
    assert occurrence().skipped(LATER).status == "skipped"


def test_a_skipped_occurrence_must_be_reopened_before_it_is_done():
    with pytest.raises(Conflict) as caught:
        occurrence().skipped(LATER).completed(LATER)
    assert caught.value.code == "already_skipped"


def test_reopening_undoes_and_is_idempotent():
    reopened = a_task().completed(LATER).reopened(LATER)
    assert (reopened.status, reopened.completed_at, reopened.version) == ("open", None, 3)
    assert reopened.reopened(LATER) is reopened
