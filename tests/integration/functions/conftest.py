"""What the suites of all functions share: units of work by role, events and tasks of a user."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from scripts.contract.examples import example
from shared.db.pool import Database
from shared.db.repositories.tasks import Tasks
from shared.db.uow import UnitOfWork
from shared.domain.due import Due
from shared.domain.identity import uuid7
from shared.domain.task import Task
from shared.events.base import Event, plain
from shared.events.task import TaskUpdated
from shared.testing.deliveries import CAUSE


@pytest.fixture
def rows(dsns: Mapping[str, str]) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """`rows(sql, *params)` as the administrator, who sees and forges everything."""
    name = conninfo_to_dict(dsns["owner"])["dbname"]
    with psycopg.connect(dsns["admin"], dbname=name, autocommit=True) as connection:

        def run(sql: str, *params: Any) -> list[tuple[Any, ...]]:
            found = connection.execute(sql, params)
            return found.fetchall() if found.description else []

        yield run


@pytest.fixture
def uow(database: Callable[..., Any], sim_clock: Any) -> Callable[..., UnitOfWork]:
    """`uow("consumer")`: transactions as that role, at the simulated time."""

    def make(role: str, *, source: str = "/taskflow/tests", **options: Any) -> UnitOfWork:
        return UnitOfWork(database(role, clock=sim_clock), source=source, **options)

    return make


@pytest.fixture
def no_database() -> Iterator[Database]:
    """A database that cannot be reached."""
    made = Database("postgresql://nobody@127.0.0.1:1/nothing")
    yield made
    made.close()


@pytest.fixture
def task_event(sim_clock: Any) -> Callable[..., Event]:
    """`task_event(user_id)`: an event of that user, `TaskUpdated` unless told otherwise."""

    def make(user_id: str, cls: type[Event] = TaskUpdated, **fields: Any) -> Event:
        known = {
            "event_id": uuid7(sim_clock.now),
            "user_id": user_id,
            "task_id": uuid7(sim_clock.now),
            "task_version": 2,
            "occurred_at": sim_clock.now,
            "actor": {"kind": "user", "id": user_id},
            "request_id": "req-1",
        }
        return cls(**(known | fields))

    return make


@pytest.fixture
def make_event() -> Callable[[type[Event], str], Event]:
    """`make_event(TaskCompleted, user_id)`: the example of that class as a new event of that user."""

    def make(cls: type[Event], user_id: str) -> Event:
        return replace(example(cls), event_id=uuid4(), user_id=user_id)

    return make


@pytest.fixture
def add_task(uow: Callable[..., UnitOfWork]) -> Callable[..., Task]:
    """`add_task(user_id, at=[…])`: a stored task with an absolute reminder at each of these instants."""
    api = uow("api", source="/taskflow/tasks")

    def make(
        user_id: str, *, title: str = "Water the plants", at: Any = (), due: datetime | None = None
    ) -> Task:
        with api.write(user_id, CAUSE) as tx:
            offsets = [{"remind_at": plain(instant)} for instant in at]
            task = Task(
                id=uuid7(tx.now), title=title, created_at=tx.now, updated_at=tx.now, reminders=offsets
            )
            if due is not None:
                task = task.with_due(Due("instant", due.astimezone(UTC).replace(tzinfo=None)), "UTC")
            Tasks(tx).add(task)
        return task

    return make
