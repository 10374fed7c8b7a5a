"""The schemas of the OpenAPI document: request models from `bodies`, answers as models of their own.

The answer models are not used at run time; contract tests compare answers with them.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from functions.tasks.account import bodies as account_bodies
from functions.tasks.edge.bodies import Empty
from functions.tasks.series import bodies as series_bodies
from functions.tasks.tasks import bodies
from functions.tasks.tasks.bodies import Priority, Recurrence, TaskCreate, TaskPatch
from functions.tasks.webhooks.bodies import WebhookCreate, WebhookPatch

_TEMPLATE = "#/components/schemas/{model}"


class Answer(BaseModel):
    """Everything listed is present; more may come."""

    model_config = ConfigDict(extra="allow")


SeriesState = Literal["active", "paused", "ended", "stopped"]


class TaskReminder(Answer):
    """One reminder: an offset as given, and the instant that follows from it."""

    id: UUID | None
    before_minutes: int | None = None
    days_before: int | None = None
    at: str | None = None
    remind_at: datetime | None
    state: str
    channels: list[str] | None = None


class Task(Answer):
    """A task."""

    id: UUID
    title: str
    description: str
    status: Literal["open", "done", "skipped"]
    priority: Priority
    tags: list[str]
    project_id: UUID | None
    parent_id: UUID | None
    position: str
    due: str | None = Field(description="A date, a local date-time, or an instant in UTC.")
    timezone: str | None
    due_at: datetime | None
    remind_before_minutes: int | None
    reminders: list[TaskReminder]
    reminder_sent: bool
    series_state: SeriesState | None = Field(description="Of its series, when it recurs.")
    recurrence: Recurrence | None
    series_id: UUID | None
    occurrence_key: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None


class Page(Answer):
    """One page of a list."""

    next_cursor: str | None


class TaskPage(Page):
    """Tasks."""

    items: list[Task]


class Series(Answer):
    """A series of occurrences; of `rrule` and `cron` one is null."""

    id: UUID
    rrule: str | None
    cron: str | None
    mode: Literal["catch_up", "fixed", "from_completion"]
    text: str = Field(description="The rule in plain English.")
    anchor: str = Field(description="The due from which the rule counts.")
    timezone: str | None
    exdates: list[str]
    rdates: list[str]
    state: SeriesState
    state_reason: str | None
    emitted_count: int = Field(description="What COUNT has counted, the open occurrence included.")
    successor_id: UUID | None = Field(description="The series that takes over when this one ends.")
    ends_before: str | None = Field(description="The occurrence from which it does.")
    version: int
    created_at: datetime
    updated_at: datetime


class Occurrence(Answer):
    """One occurrence and its outcome."""

    key: str
    outcome: Literal["open", "done", "skipped", "missed"]
    task_id: UUID | None = Field(description="Null when missed.")
    ordinal: int
    at: datetime | None = Field(description="The instant of the key; null for a day.")
    created_at: datetime


class OccurrencePage(Page):
    """Occurrences."""

    items: list[Occurrence]


class DroppedOverride(Answer):
    """A moved due of an occurrence that the series does not have any more."""

    key: str
    due: str


class SeriesEdited(Answer):
    """The series afterwards, its open task, and what had to be dropped."""

    series: Series
    task: Task | None
    dropped_overrides: list[DroppedOverride]


class PreviewedOccurrence(Answer):
    """One time of a rule."""

    key: str
    at: datetime | None = Field(description="Null for a day.")


class RecurrencePreview(Answer):
    """The times of a rule."""

    occurrences: list[PreviewedOccurrence]
    text: str


class Webhook(Answer):
    """An endpoint; `secret` only in the answer that made it.

    Nothing is sent to an endpoint that does not answer until `paused_until`, for a minute up to an hour;
    after five days without an answer it is disabled. A new `url`, enabling it and `resend` end the pause.
    """

    id: UUID
    url: str
    events: list[str]
    state: Literal["enabled", "disabled"]
    state_reason: str | None
    paused_until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    secret: str | None = None


class WebhookPage(Page):
    """Endpoints."""

    items: list[Webhook]


class Delivery(Answer):
    """One message to an endpoint and how sending it went."""

    id: UUID
    event_id: UUID
    event: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    response_status: int | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class DeliveryPage(Page):
    """Deliveries."""

    items: list[Delivery]


class Notification(Answer):
    """One message of the in-app inbox."""

    id: UUID
    event: str
    event_id: UUID
    task_id: UUID | None
    title: str
    data: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class NotificationPage(Page):
    """Notifications."""

    items: list[Notification]


class AuditEntry(Answer):
    """One link of the chain: `hash` = SHA-256(hash of the one before ‖ canonical JSON of the entry)."""

    user_id: str
    seq: int
    event_id: UUID
    type: str
    actor: dict[str, Any]
    task_id: UUID | None
    task_version: int | None
    occurred_at: datetime
    recorded_at: datetime
    request_id: str | None
    changes: dict[str, Any]
    detail: dict[str, Any]
    hash: str


class AuditPage(Page):
    """Entries."""

    items: list[AuditEntry]


class AuditVerdict(Answer):
    """Whether the chain is correct; `broken_at` is the first entry that is not.

    `valid` is null while a long log has been checked in part: its first `entries` are correct, and the last
    of them has the hash `head`. Continue with `next_cursor`, which is valid for an hour after the first
    call.
    """

    valid: bool | None
    entries: int
    head: str
    broken_at: int | None
    next_cursor: str | None


class CurrentSettings(Answer):
    """The settings of the user; `version` is 0 before the first change."""

    timezone: str
    email: str | None
    default_reminders: list[dict[str, Any]]
    channels: list[str]
    quiet_hours: account_bodies.QuietHours | None
    digest_hour: int | None
    version: int


class FieldProblem(Answer):
    """One rejected field."""

    field: str
    code: str
    message: str


class Problem(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = Field(default=None, description="The X-Request-Id.")
    errors: list[FieldProblem] | None = None


class Command(Answer):
    """A CloudEvent 1.0.2 in structured mode; in binary mode `data` is the body and the rest are headers."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal[
        "io.taskflow.task.create.v1",
        "io.taskflow.task.update.v1",
        "io.taskflow.task.complete.v1",
        "io.taskflow.task.delete.v1",
    ]
    subject: UUID | None = Field(default=None, description="Task id; absent for create.")
    data: TaskCreate | TaskPatch | bodies.OccurrenceAction | Empty | None = None


class Event(Answer):
    """The data of a TaskFlow event, see asyncapi.yaml."""

    event_id: UUID
    event_type: str
    user_id: str
    task_id: UUID | None


class OpenApi(Answer):
    """An OpenAPI document."""

    openapi: str


MODELS: tuple[type[BaseModel], ...] = (
    TaskCreate, TaskPatch, bodies.OccurrenceAction, bodies.SkipAction, series_bodies.SeriesPatch,
    series_bodies.Preview, Series, OccurrencePage, SeriesEdited, RecurrencePreview,
    Empty, bodies.Snooze, account_bodies.Preferences,
    WebhookCreate, WebhookPatch, Command, CurrentSettings,
    Task, TaskPage, Webhook, WebhookPage, Delivery, DeliveryPage, Notification, NotificationPage,
    AuditEntry, AuditPage, AuditVerdict, Problem, Event, OpenApi,
)  # fmt: skip


def schemas() -> dict[str, Any]:
    """JSON Schemas by name, as OpenAPI 3.1 has them."""
    _, made = models_json_schema([(model, "validation") for model in MODELS], ref_template=_TEMPLATE)
    found: dict[str, Any] = _untitled(made["$defs"])
    return found


def _untitled(shape: Any, *, names: bool = True) -> Any:  # any JSON
    """Without the titles that pydantic makes of names; in `properties` a key is a name, not a keyword."""
    if isinstance(shape, list):
        return [_untitled(item, names=False) for item in shape]
    if not isinstance(shape, dict):
        return shape
    kept = {k: v for k, v in shape.items() if names or k != "title"}
    return {k: _untitled(v, names=k == "properties") for k, v in kept.items()}
