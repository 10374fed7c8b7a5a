"""A reminder came due (topic `reminders`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import REMINDERS, Event


@dataclass(frozen=True, kw_only=True)
class ReminderDue(Event):
    """The user asked to be told now; `channels` says how."""

    type: ClassVar[str] = "io.taskflow.reminder.due.v1"
    topic: ClassVar[str] = REMINDERS
    reminder_id: UUID
    remind_at: datetime
    title: str
    due: str | None
    due_at: datetime | None
    channels: tuple[str, ...]
