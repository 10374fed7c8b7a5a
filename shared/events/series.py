"""What happened to a series of recurring tasks (topic `task-events`).

A class that adds no field inherits the dataclass: another decorator would cost every wake-up 1 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from shared.events.base import Event


@dataclass(frozen=True, kw_only=True)
class SeriesEvent(Event):
    """A series changed; `task_id` is the occurrence that caused it, when there is one."""

    type: ClassVar[str] = ""  # abstract: only subclasses are published
    series_id: UUID
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missed: tuple[str, ...] = ()


class SeriesChanged(SeriesEvent):
    """The rule, the exceptions or the state of a series changed; `recurring` asks for its next occurrence."""

    type: ClassVar[str] = "io.taskflow.series.changed.v1"


@dataclass(frozen=True, kw_only=True)
class SeriesPaused(SeriesEvent):
    """The next occurrence could not be found within the safety limit; the series waits for its owner."""

    type: ClassVar[str] = "io.taskflow.series.paused.v1"
    reason: str


class SeriesEnded(SeriesEvent):
    """The rule has no further occurrence."""

    type: ClassVar[str] = "io.taskflow.series.ended.v1"
