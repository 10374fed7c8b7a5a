"""The description of each field of an event, and shapes that its type does not give. Read by
`event_schemas`.
"""

from typing import Any

Schema = dict[str, Any]  # JSON Schema is dynamically typed

DESCRIPTIONS: dict[str, str] = {
    "schema_version": "Version of the data within this type; an unknown one is kept for replay.",
    "event_type": "The CloudEvents type again, for readers that keep only the data.",
    "event_id": "UUIDv7, equal to the CloudEvents id; the same on every retry and replay.",
    "user_id": "Whose event it is, equal to partitionkey and to the key of the record.",
    "task_id": "The task that it is about; null for an event about the account.",
    "task_version": "The version of the task after the change; a consumer of state ignores older ones.",
    "occurred_at": "When it happened: the time of the transaction, in UTC.",
    "actor": "Who caused it.",
    "request_id": "The X-Request-Id that caused it; null when no request did.",
    "changes": "Only the fields that changed. A value above 1 KiB is replaced by its digest.",
    "series_id": "The series of the task; null for a task that does not recur.",
    "occurrence_key": "The wall time of the rule's instance; with an offset for sub-daily and cron rules.",
    "due": "The due as the user gave it: a date, a local date-time or an instant; null without a due.",
    "timezone": "IANA name of the zone of a zoned due; null for floating, all-day and instant dues.",
    "completed_at": "When the task was done or skipped; null once it is open again.",
    "missed": "Keys of the occurrences that passed without a task.",
    "reason": "Why the series waits for a person.",
    "resource": "Kind of the resource, such as webhook, tag, settings.",
    "resource_id": "Its id within the kind.",
    "action": "What was done to it, such as created, updated, deleted.",
    "reminder_id": "The reminder that came due.",
    "remind_at": "When it was to go out.",
    "title": "The title of the task at that time.",
    "due_at": "The instant of the due; null for an all-day due or none.",
    "channels": "Where the user wants to be told.",
    "change_token": "Position in the user's change feed; the task has this version there or a newer one.",
}

_CHANGE: Schema = {
    "type": "object",
    "properties": {"from": {}, "to": {}},
    "required": ["from", "to"],
}

SHAPES: dict[str, Schema] = {
    "actor": {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["user", "token", "function", "assistant"]},
            "id": {"type": "string", "minLength": 1},
        },
        "required": ["kind", "id"],
    },
    "changes": {"type": "object", "additionalProperties": _CHANGE},
    "user_id": {"type": "string", "minLength": 1},
}
