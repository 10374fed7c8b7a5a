"""docs/asyncapi.yaml: the topics, their events and who sends and receives them, as AsyncAPI 3.1.

Made from the event catalog, `shared/events/catalog.py`, and its `consumers`.
"""

from typing import Any

from scripts.contract.examples import example
from shared.events.base import Event
from shared.events.catalog import EVENTS, TOPICS, consumers

Document = dict[str, Any]  # JSON is dynamically typed

PARTITIONS = 3
_BINDING = "0.5.0"
_DESCRIPTION = (
    "CloudEvents 1.0.2 in Kafka binary mode: attributes are ce_ headers. The key of a record is the user id, "
    "so that one user's events keep their order. Delivery is at least once: deduplicate by source and id."
)
_TITLES = {
    "task-events": "What happened to tasks, series and accounts.",
    "reminders": "Reminders that came due.",
    "task-updates": "Content-free hints that a task changed; the change feed is the truth.",
}
_DEAD_LETTER = (
    "Events of {topic} that a consumer refused or failed to process, unchanged but for the extensions "
    "knativeerrordest, knativeerrorcode, knativeerrordata, errorclass and function."
)
_ATTRIBUTES: dict[str, tuple[bool, str]] = {
    "id": (True, "UUIDv7, equal to data.event_id."),
    "source": (True, "/taskflow/<function>"),
    "type": (True, "io.taskflow.<subject>.<action>.v<major>"),
    "subject": (False, "Task id."),
    "time": (True, "Domain time, RFC 3339 in UTC."),
    "dataschema": (True, "/schemas/<type>.json"),
    "partitionkey": (True, "User id, equal to the key of the record."),
    "schemaversion": (True, "Integer as text, equal to data.schema_version."),
    "traceparent": (False, "W3C Trace Context."),
    "recurring": (False, '"true" when the task belongs to a series, else absent.'),
    "webhooks": (False, '"true" when the user has a matching endpoint, else absent.'),
}
_ERRORS = ("knativeerrordest", "knativeerrorcode", "knativeerrordata", "errorclass", "function")


def asyncapi() -> Document:
    """The whole document."""
    topics = sorted(TOPICS)
    return {
        "asyncapi": "3.1.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "kafka:9092", "protocol": "kafka", "description": "Strimzi, or the local log."}
        },
        "channels": {name: channel for topic in topics for name, channel in _channels(topic).items()},
        "operations": {name: operation for topic in topics for name, operation in _operations(topic).items()},
        "components": {
            "messages": {cls.type: _message(cls) for cls in EVENTS.values()},
            "messageTraits": {"cloudEvent": {"headers": _headers(), "bindings": _key_binding()}},
            "schemas": {"deadLetterHeaders": _dead_letter_headers()},
        },
    }


def _info() -> Document:
    return {
        "title": "TaskFlow events",
        "version": "1.0.0",
        "description": _DESCRIPTION,
        "license": {"name": "Apache-2.0"},
    }


def _channels(topic: str) -> dict[str, Document]:
    messages = {cls.type: {"$ref": f"#/components/messages/{cls.type}"} for cls in _events(topic)}
    dead = f"{topic}-dlq"
    return {
        topic: {
            "address": topic,
            "description": _TITLES[topic],
            "messages": messages,
            "bindings": _topic(topic),
        },
        dead: {
            "address": dead,
            "description": _DEAD_LETTER.format(topic=topic),
            "messages": messages,
            "bindings": _topic(dead),
        },
    }


def _operations(topic: str) -> dict[str, Document]:
    dead = f"{topic}-dlq"
    everything = _events(topic)
    operations = {
        f"publish-{topic}": _operation(
            "send", topic, everything, "The outbox drain publishes, in order per user."
        ),
        f"bury-{topic}": _operation("send", dead, everything, "Knative's dispatcher writes what it gave up."),
        f"record-{dead}": _operation("receive", dead, everything, "`relay` records the dead letter."),
    }
    for function, events in _receivers(topic).items():
        text = f"`{function}` is woken by these events."
        operations[f"{function}-{topic}"] = _operation("receive", topic, events, text)
    return operations


def _receivers(topic: str) -> dict[str, list[type[Event]]]:
    """Function → events that may wake it, with whichever extensions they carry."""
    optional = {name for name, (required, _) in _ATTRIBUTES.items() if not required}
    found: dict[str, list[type[Event]]] = {}
    for cls in _events(topic):
        for function in consumers(cls.type, optional):
            found.setdefault(function, []).append(cls)
    return found or {"updates": _events(topic)}  # hints leave no inbox row: `consumers` names nobody


def _operation(action: str, channel: str, events: list[type[Event]], description: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{cls.type}"} for cls in events],
        "description": description,
    }


def _events(topic: str) -> list[type[Event]]:
    return [cls for cls in EVENTS.values() if cls.topic == topic]


def _message(cls: type[Event]) -> Document:
    shown = example(cls)
    return {
        "name": cls.type,
        "title": cls.__name__,
        "summary": (cls.__doc__ or "").strip(),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./schemas/{cls.type}.json"},
        },
        "examples": [{"name": "example", "headers": _example_headers(shown), "payload": shown.data()}],
    }


def _example_headers(event: Event) -> dict[str, str]:
    given = {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": "/taskflow/tasks",
        "type": event.type,
        "time": event.data()["occurred_at"],
        "dataschema": f"/schemas/{event.type}.json",
        "partitionkey": event.user_id,
        "schemaversion": str(event.schema_version),
        **event.extensions(),
    }
    if event.task_id is not None:
        given["subject"] = str(event.task_id)
    return {"content-type": "application/json", **{f"ce_{name}": value for name, value in given.items()}}


def _headers() -> Document:
    properties: Document = {
        "content-type": {"const": "application/json"},
        "ce_specversion": {"const": "1.0"},
        **{f"ce_{n}": {"type": "string", "description": text} for n, (_, text) in _ATTRIBUTES.items()},
    }
    for flag in ("recurring", "webhooks"):
        properties[f"ce_{flag}"]["enum"] = ["true"]
    required = [f"ce_{name}" for name, (needed, _) in _ATTRIBUTES.items() if needed]
    return {
        "type": "object",
        "properties": properties,
        "required": ["content-type", "ce_specversion", *required],
    }


def _dead_letter_headers() -> Document:
    return {
        "type": "object",
        "description": "What a record of a -dlq topic has besides the headers of the event.",
        "properties": {f"ce_{name}": {"type": "string"} for name in _ERRORS},
    }


def _topic(name: str) -> Document:
    return {"kafka": {"topic": name, "partitions": PARTITIONS, "bindingVersion": _BINDING}}


def _key_binding() -> Document:
    key = {"type": "string", "description": "User id."}
    return {"kafka": {"key": key, "bindingVersion": _BINDING}}
