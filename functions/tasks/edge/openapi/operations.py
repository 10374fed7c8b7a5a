"""The part of the OpenAPI document that is not in the routes: descriptions, bodies, parameters, statuses.

Read by `openapi_document`. Every endpoint has one entry; a contract test compares them with the URL map.
"""

from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]  # JSON is dynamically typed

JSON = ("application/json",)
PATCHES = ("application/merge-patch+json", "application/json")
COMMANDS = ("application/cloudevents+json", "application/json")

STATUSES: dict[int, str] = {
    200: "Done.",
    201: "Created; `Location` names it.",
    202: "Accepted; it happens shortly.",
    204: "Done; there is no body.",
    304: "Not modified since the given `ETag`.",
    400: "Malformed: not JSON, an unknown parameter or a cursor of another query.",
    401: "No valid bearer token.",
    404: "No such object, or somebody else's.",
    409: "The current state does not allow it, or the same request is still running.",
    412: "Changed since: `If-Match` names an older version; `ETag` has the current one.",
    413: "The body is larger than 64 KiB.",
    415: "The media type is not supported.",
    422: "Understood and refused; `errors` names the fields.",
    429: "There are as many as there may be.",
    503: "A passing fault; try again after `Retry-After` seconds.",
}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation; `body` and `answer` name schemas, `errors` adds to what its route implies."""

    summary: str
    tag: Literal["tasks", "series", "webhooks", "notifications", "audit", "settings", "commands", "service"]
    description: str = ""
    body: str | None = None
    body_required: bool = True
    media_types: tuple[str, ...] = JSON
    parameters: tuple[str, ...] = ()
    success: int = 200
    answer: str | None = None
    answer_media: str = "application/json"
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()


def _action(summary: str, body: str = "Empty") -> Operation:
    return Operation(
        summary=summary,
        tag="tasks",
        body=body,
        body_required=False,
        parameters=("If-Match", "Idempotency-Key"),
        answer="Task",
        headers=("ETag",),
        errors=(409,),
    )


def _on_series(
    summary: str, description: str, *, body: str | None = None, required: bool = False
) -> Operation:
    return Operation(
        summary=summary,
        description=description,
        tag="series",
        body=body,
        body_required=required,
        media_types=PATCHES if body == "SeriesPatch" else JSON,
        parameters=("If-Match", "Idempotency-Key"),
        answer="SeriesEdited",
        headers=("ETag",),
        errors=(409,),
    )


def _page(
    summary: str, tag: Literal["series", "webhooks", "notifications", "audit"], answer: str, *more: str
) -> Operation:
    return Operation(
        summary=summary, tag=tag, parameters=("limit", "cursor", *more), answer=answer, errors=(400,)
    )


LIST_PARAMETERS = (
    "status", "priority", "tag", "tag_any", "parent_id", "deleted", "sort", "limit", "cursor",
)  # fmt: skip

OPERATIONS: dict[str, Operation] = {
    "get_list_tasks": Operation(
        summary="List tasks",
        tag="tasks",
        parameters=LIST_PARAMETERS,
        answer="TaskPage",
        headers=("Link",),
        errors=(400,),
    ),
    "post_create_task": Operation(
        summary="Create a task",
        tag="tasks",
        body="TaskCreate",
        parameters=("Idempotency-Key",),
        success=201,
        answer="Task",
        headers=("ETag", "Location"),
        errors=(429,),
    ),
    "get_get_task": Operation(
        summary="Read a task",
        tag="tasks",
        parameters=("If-None-Match",),
        answer="Task",
        headers=("ETag",),
        errors=(304,),
    ),
    "patch_patch_task": Operation(
        summary="Change fields of a task",
        description="RFC 7396: an absent field keeps its value, null clears it.",
        tag="tasks",
        body="TaskPatch",
        media_types=PATCHES,
        parameters=("If-Match", "Idempotency-Key"),
        answer="Task",
        headers=("ETag",),
        errors=(409, 429),
    ),
    "delete_delete_task": Operation(
        summary="Move a task to the trash",
        description="Deleting the open occurrence of a series stops the series.",
        tag="tasks",
        parameters=("If-Match", "Idempotency-Key"),
        success=204,
    ),
    "post_complete_task": _action("Complete a task", "OccurrenceAction"),
    "post_skip_task": _action("Skip this occurrence, or everything up to now", "SkipAction"),
    "post_reopen_task": _action("Undo a completion or a skip"),
    "post_restore_task": _action("Take a task out of the trash"),
    "post_snooze_task": Operation(
        summary="Be reminded later",
        tag="tasks",
        body="Snooze",
        parameters=("If-Match", "Idempotency-Key"),
        answer="Task",
        headers=("ETag",),
        errors=(409,),
    ),
    "get_get_settings": Operation(
        summary="Read the caller's settings", tag="settings", answer="CurrentSettings", headers=("ETag",)
    ),
    "put_put_settings": Operation(
        summary="Change the caller's settings",
        description="An absent field keeps its value; null clears e-mail, quiet hours and digest.",
        tag="settings",
        body="Preferences",
        parameters=("If-Match", "Idempotency-Key"),
        answer="CurrentSettings",
        headers=("ETag",),
    ),
    "get_task_history": _page("What happened to a task", "audit", "AuditPage"),
    "get_list_audit": _page("The caller's audit log, newest first", "audit", "AuditPage"),
    "get_verify_audit": Operation(
        summary="Check the hash chain of the audit log",
        description="At most 5,000 entries a call: while `next_cursor` is not null, call again with it. One "
        "check of a user's log runs at a time; another is refused with 409 `verification_in_progress`.",
        tag="audit",
        parameters=("cursor",),
        answer="AuditVerdict",
        errors=(400, 409),
    ),
    "get_get_series": Operation(
        summary="Read a series: its rule, exceptions and state",
        tag="series",
        answer="Series",
        headers=("ETag",),
    ),
    "get_list_occurrences": _page(
        "What became of the occurrences of a series, newest first", "series", "OccurrencePage"
    ),
    "patch_patch_series": _on_series(
        "Change this and the following occurrences",
        "From the open occurrence on, or from a later one: that splits the series, and a successor takes "
        "over there. History is not touched. A moved due whose occurrence the new rule does not have is "
        "dropped and reported.",
        body="SeriesPatch",
        required=True,
    ),
    "delete_stop_series": _on_series(
        "Stop a series", "Its open task goes to the trash; `resume` brings it back."
    ),
    "post_resume_series": _on_series(
        "Resume a stopped or paused series",
        "The open task returns from the trash. Without one the next occurrence is made shortly afterwards.",
        body="Empty",
    ),
    "post_preview_recurrence": Operation(
        summary="What a rule would give",
        description="From the due on, for at most five years.",
        tag="series",
        body="Preview",
        answer="RecurrencePreview",
    ),
    "get_list_webhooks": Operation(
        summary="List webhook endpoints", tag="webhooks", answer="WebhookPage", errors=(400,)
    ),
    "get_get_webhook": Operation(
        summary="Read a webhook endpoint", tag="webhooks", answer="Webhook", headers=("ETag",)
    ),
    "post_create_webhook": Operation(
        summary="Create a webhook endpoint",
        description="`secret` is shown this once; a repeat with the same Idempotency-Key leaves it out.",
        tag="webhooks",
        body="WebhookCreate",
        parameters=("Idempotency-Key",),
        success=201,
        answer="Webhook",
        headers=("ETag", "Location"),
        errors=(409, 429),
    ),
    "patch_patch_webhook": Operation(
        summary="Change a webhook endpoint",
        tag="webhooks",
        body="WebhookPatch",
        media_types=PATCHES,
        parameters=("If-Match", "Idempotency-Key"),
        answer="Webhook",
        headers=("ETag",),
    ),
    "delete_delete_webhook": Operation(
        summary="Delete a webhook endpoint",
        tag="webhooks",
        parameters=("If-Match", "Idempotency-Key"),
        success=204,
    ),
    "get_list_deliveries": _page("What was sent to an endpoint, newest first", "webhooks", "DeliveryPage"),
    "post_resend_delivery": Operation(
        summary="Send a delivery again",
        tag="webhooks",
        parameters=("Idempotency-Key",),
        success=202,
        answer="Delivery",
        errors=(409,),
    ),
    "get_list_notifications": _page(
        "The in-app inbox, newest first", "notifications", "NotificationPage", "unread"
    ),
    "post_read_notification": Operation(
        summary="Mark a notification as read", tag="notifications", answer="Notification"
    ),
    "post_command": Operation(
        summary="Do what a command CloudEvent says",
        description="Types io.taskflow.task.{create,update,complete,delete}.v1, binary or structured; "
        "the data is the body of the HTTP call of that name. (user, source, id) is the idempotency key. "
        "The answer is the resulting event in binary mode, or 204 when nothing changed.",
        tag="commands",
        body="Command",
        media_types=COMMANDS,
        answer="Event",
        errors=(204, 404, 409, 429),
    ),
    "get_openapi": Operation(summary="This document", tag="service", answer="OpenApi"),
    "liveness": Operation(summary="Whether the process answers; touches nothing", tag="service", success=204),
    "readiness": Operation(summary="Whether it can take requests", tag="service", success=204, errors=(503,)),
}


def _query(shape: Json, description: str) -> Json:
    return {"in": "query", "required": False, "description": description, "schema": shape}


def _header(description: str) -> Json:
    return {"in": "header", "required": False, "description": description, "schema": {"type": "string"}}


def _several(items: Json, description: str) -> Json:
    """Repeatable or comma-separated: `explode` covers the first, the description the second."""
    return _query({"type": "array", "items": items}, f"{description} Repeat it or separate by commas.")


_FLAG: Json = {"type": "boolean", "default": False}
PARAMETERS: dict[str, Json] = {
    "status": _several({"enum": ["open", "done", "skipped"]}, "Any of; default open and done."),
    "priority": _several({"enum": ["P1", "P2", "P3", "P4"]}, "Any of."),
    "tag": _several({"type": "string"}, "All of."),
    "tag_any": _several({"type": "string"}, "Any of."),
    "parent_id": _several({"type": "string", "format": "uuid"}, "Any of."),
    "deleted": _query(_FLAG, "Show the trash instead."),
    "sort": _query(
        {"type": "string", "default": "-created_at"},
        "Comma list of due, priority, created_at, updated_at, title; - for descending; nulls last.",
    ),
    "unread": _query(_FLAG, "Only what has not been read."),
    "limit": _query({"type": "integer", "minimum": 1, "maximum": 100, "default": 50}, "Items a page."),
    "cursor": _query({"type": "string"}, "`next_cursor` of the page before; bound to the query."),
    "If-Match": _header("Write only if this is still the ETag."),
    "If-None-Match": _header("Answer 304 if this is still the ETag."),
    "Idempotency-Key": _header("≤ 255 ASCII characters, kept 24 h: a repeat gets the first answer again."),
}

HEADERS: dict[str, Json] = {
    "ETag": {
        "description": 'The version, quoted: "3".',
        "required": True,
        "schema": {"type": "string", "pattern": '^"[^"]+"$'},
    },
    "Location": {
        "description": "Path of the new object.",
        "required": True,
        "schema": {"type": "string", "pattern": "^/v1/"},
    },
    "Link": {"description": 'RFC 8288; rel="next" when there is another page.', "schema": {"type": "string"}},
}
